"""What a file turns out to hold. Plain values: they cross the border of the process that reads the file, as JSON."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["daily", "transcript", "jira", "slack"]
KINDS: tuple[Kind, ...] = ("daily", "transcript", "jira", "slack")


class Value(BaseModel):
    """Frozen, and nothing but its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Value):
    """What could not be read, or was read with a doubt (`note`). `line` counts from 1; None concerns the whole file."""

    line: int | None
    reason: str
    is_note: bool = False


class DailyEntry(Value):
    """What one employee wrote about one day (D2: one row per employee per day)."""

    author: str
    day: date
    line: int
    content: str


class Transcript(Value):
    """A meeting. `content` is what was said, with speakers, without the times of subtitles."""

    filename: str
    day: date
    title: str
    content: str
    speakers: tuple[str, ...] = ()
    duration_s: int | None = None


class JiraTree(Value):
    """An epic tree of one week: stored as a reference, with what can be counted in it."""

    week_start: date
    week_end: date
    issues: int
    epics: int


class SlackDump(Value):
    """What was said in one channel in one week, without secrets and addresses."""

    channel: str
    week_start: date
    week_end: date
    content: str
    messages: int
    redacted: int


class About(Value):
    """What is known of a file before it is read: its name as given, and what the person said about it."""

    name: str
    kind: Kind | None = None
    author: str | None = None
    week_start: date | None = None
    week_end: date | None = None
    day_first: bool = False


class Parsed(Value):
    """All of a file. `kind` None: nobody can tell what it is, which is its one problem."""

    kind: Kind | None
    encoding: str = "utf-8"
    characters: int = 0
    entries: tuple[DailyEntry, ...] = ()
    transcript: Transcript | None = None
    jira: JiraTree | None = None
    slack: tuple[SlackDump, ...] = ()
    problems: tuple[Problem, ...] = ()
