"""Jira epic trees and Slack exports, both Markdown of one week (D2.3, K19). Rows hold references and counts."""

from __future__ import annotations

import re
from typing import Final

from workers.reports.model.parsed import About, JiraTree, Problem, SlackDump
from workers.reports.rules.markdown import Outline, outline, plain
from workers.reports.rules.names import stem, week_range, without_days
from workers.reports.rules.sanitise import sanitised

NO_WEEK: Final = "nothing says of which week this is; name the file like epic_tree_2026-W03.md, or give --week"
NO_CHANNEL: Final = "nothing says of which channel this is; begin with a heading such as # #general"
HEAD_LINES: Final = 15
LONGEST_CHANNEL: Final = 80

_ISSUE: Final = re.compile(r"\b[A-Z][A-Z0-9]{1,9}-\d{1,7}\b")
_EPIC: Final = re.compile(r"\bepic\b", re.IGNORECASE)
_CHANNEL: Final = re.compile(
    r"(?:^|\s)[#＃](?=[\d.-]{0,79}[^\W\d])(?P<name>\w[\w.-]{0,79})"  # a number after # is an issue's
    r"|\bchannel\b\W*#?(?P<said>\w[\w.-]{0,79})",
    re.IGNORECASE,
)
_NO_CHANNEL: Final = frozenset(
    {"slack", "export", "exports", "capture", "captures", "channel", "messages", "history", "chat", "sanitized"}
    | {"sanitised", "week", "to", "w", "dump", "from", "kw"}
)
_MESSAGE: Final = re.compile(
    r"^\s*(?:[-*+]\s+)?(?:\*\*[^*\n]{1,80}\*\*|\[?\d{1,2}:\d{2}[^\n]{0,60}|[^\n:]{1,60}\s\[?\(?\d{1,2}:\d{2})",
    re.MULTILINE,
)


def parsed_jira(text: str, about: About) -> tuple[JiraTree | None, tuple[Problem, ...]]:
    found = outline(text)
    week = week_range(about, _head(found))
    if week is None:
        return None, (Problem(line=None, reason=NO_WEEK),)
    epics = sum(1 for line in found.lines if _EPIC.search(line) and _ISSUE.search(line))
    issues = len({key for line in found.lines for key in _ISSUE.findall(line)})
    return JiraTree(week_start=week[0], week_end=week[1], issues=issues, epics=epics), ()


def parsed_slack(text: str, about: About) -> tuple[tuple[SlackDump, ...], tuple[Problem, ...]]:
    """One dump per channel: a file may hold several, each below a heading that names it."""
    found = outline(text)
    week = week_range(about, _head(found))
    if week is None:
        return (), (Problem(line=None, reason=NO_WEEK),)
    parts = list(_channels(found, about))
    if not parts:
        return (), (Problem(line=None, reason=NO_CHANNEL),)
    made = []
    for channel, start, end in parts:
        content, redacted = sanitised(found.between(start, end))
        messages = len(_MESSAGE.findall(content))
        made.append(
            SlackDump(
                channel=channel,
                week_start=week[0],
                week_end=week[1],
                content=content,
                messages=messages,
                redacted=redacted,
            )
        )
    return tuple(made), ()


def _head(found: Outline) -> list[str]:
    return [plain(line) for line in found.lines[:HEAD_LINES] if line.strip()]


def _channels(found: Outline, about: About) -> list[tuple[str, int, int]]:
    """Channel, first line and the line behind it. Pieces of one channel belong together."""
    marks = [(heading.line, name) for heading in found.headings if (name := channel_in(heading.text))]
    if not marks:
        in_head = next((name for line in found.lines[:HEAD_LINES] if (name := channel_in(line))), None)
        channel = in_head or channel_of_name(about.name)
        return [] if channel is None else [(channel, 0, len(found.lines))]
    parts: list[tuple[str, int, int]] = []
    for at, (line, name) in enumerate(marks):
        end = marks[at + 1][0] if at + 1 < len(marks) else len(found.lines)
        start = 0 if at == 0 else line
        if parts and parts[-1][0] == name:
            parts[-1] = name, parts[-1][1], end
        else:
            parts.append((name, start, end))
    return parts


def channel_of_name(name: str) -> str | None:
    """`slack_dev-ops_2026-W03.md`, `slack/dev-ops 2026-01-12.md`: what stands beside `slack` and the days, if it is one
    word."""
    rest = without_days(stem(name).lower().replace("slack-", "slack "))
    words = [_channel_word(word) for word in rest.split()]
    left = [word for word in words if word]
    return left[0][:LONGEST_CHANNEL] if len(left) == 1 else None


def _channel_word(word: str) -> str:
    parts = (part.strip("-.") for part in word.split("_"))
    return "_".join(part for part in parts if part and part not in _NO_CHANNEL and not part.isdecimal())


def channel_in(text: str) -> str | None:
    """`# #general`, `Channel: general` name a channel."""
    found = _CHANNEL.search(plain(text))
    name = (found["name"] or found["said"]) if found else None
    return name.lower().rstrip(".-")[:LONGEST_CHANNEL] if name else None
