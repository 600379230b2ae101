"""Transcripts: the day from the file's name, what was said from WebVTT, SubRip or plain text (D2.4).

The readers of subtitles are tolerant: a cue without an end, a block without a time, notes and styles between them are
passed over, and no word that was said is lost. Lines of one speaker that follow each other become one paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final

from workers.reports.model.parsed import About, Problem, Transcript
from workers.reports.rules.markdown import unified
from workers.reports.rules.names import base, date_in_name, ending, place_of_date, stem

NO_DATE: Final = "the file's name holds no date; name it like 2026-01-15 planning.vtt"
NO_WORDS: Final = "the file holds nothing that was said"
SPEAKERS: Final = 200
LONGEST_SPEAKER: Final = 60

_TIME: Final = r"(?:(?P<{0}h>\d{{1,3}}):)?(?P<{0}m>\d{{1,2}}):(?P<{0}s>\d{{1,2}})(?:[.,]\d{{1,3}})?"
_TIMING: Final = re.compile(rf"\s*{_TIME.format('from')}\s*-->\s*(?:{_TIME.format('to')})?")
_VOICE: Final = re.compile(r"<v(?:\.[^\s>]*)?\s+(?P<name>[^>]+)>")
_TAG: Final = re.compile(r"</?[a-z][^>]*>|<\d[\d:.]*>|\{\\[^}]*\}", re.IGNORECASE)
_NAMED: Final = re.compile(
    r"(?:\[?\(?\d{1,2}:\d{2}(?::\d{2})?\)?\]?\s*)?\**"
    r"(?P<name>[^\W\d_][\w .,'’()/-]{0,58}?)\**\s*:\**\s+(?P<words>\S.*)$"
)
_BLOCKS: Final = ("NOTE", "STYLE", "REGION")
_NOT_NAMES: Final = frozenset(
    {"note", "action", "actions", "decision", "decisions", "agenda", "attendees", "date", "time", "todo", "summary"}
    | {"topic", "link", "http", "https", "meeting", "duration"}
)


@dataclass(frozen=True, slots=True)
class Said:
    """Words and who said them, and at which second they ended."""

    speaker: str | None
    words: str
    end_s: int = 0


def parsed_transcript(text: str, about: About) -> tuple[Transcript | None, tuple[Problem, ...]]:
    """The transcript, or None with the reason."""
    reading = date_in_name(about.name, day_first=about.day_first)
    if reading is None:
        return None, (Problem(line=None, reason=NO_DATE),)
    notes = [] if reading.note is None else [Problem(line=None, reason=reading.note, is_note=True)]
    text = unified(text)
    subtitles = ending(about.name) in {"vtt", "srt"} or text.lstrip("\ufeff").startswith("WEBVTT")
    said = list(cues(text)) if subtitles else list(spoken(text))
    content = written_out(said) if subtitles else text.strip()
    if not content:
        notes.append(Problem(line=None, reason=NO_WORDS))
    speakers = tuple(dict.fromkeys(each.speaker for each in said if each.speaker))[:SPEAKERS]
    made = Transcript(
        filename=base(about.name)[:500],
        day=reading.day,
        title=title_of(about.name),
        content=content,
        speakers=speakers,
        duration_s=max((each.end_s for each in said), default=0) or None,
    )
    return made, tuple(notes)


def title_of(name: str) -> str:
    """`2026-01-15_sprint-planning.vtt` is about `sprint planning`."""
    text = stem(name).replace("_", " ")
    for candidate in (text, text.replace("-", " ")):
        if place := place_of_date(candidate):
            text = f"{candidate[: place[0]]} {candidate[place[1] :]}"
            break
    words = re.sub(r"[-_]+", " ", re.sub(r"\bGMT\b|\b\d{6}\b", " ", text)).split()
    return " ".join(words).strip(" .,")[:200] or stem(name)[:200]


def cues(text: str) -> Iterator[Said]:
    """What WebVTT or SubRip says. Text without a time keeps the time of the cue before."""
    end_s = 0
    for block in re.split(r"\n[ \t]*\n", text.lstrip("\ufeff")):
        lines = block.strip("\n").split("\n")
        if lines[0].startswith("WEBVTT") or lines[0].split(" ")[0] in _BLOCKS:
            lines = _behind_timing(lines)
        at = next((number for number, line in enumerate(lines[:2]) if _TIMING.match(line)), None)
        if at is not None:
            end_s = _end_s(lines[at]) or end_s
            lines = lines[at + 1 :]
        elif len(lines) == 1 and lines[0].strip().isdecimal():
            continue
        yield from _spoken_in(lines, end_s)


def _behind_timing(lines: list[str]) -> list[str]:
    """A header or note that was not closed by a blank line: what follows its first time is a cue all the same."""
    at = next((number for number, line in enumerate(lines) if _TIMING.match(line)), None)
    return [] if at is None else lines[at:]


def _spoken_in(lines: Iterable[str], end_s: int) -> Iterator[Said]:
    speaker = None
    for line in lines:
        if found := _VOICE.search(line):
            speaker = _name(unescape(found["name"]))
        words = " ".join(unescape(_TAG.sub("", line)).split())
        if not words:
            continue
        named = None if found else _NAMED.match(words)
        if named and named["name"].lower() not in _NOT_NAMES:
            speaker, words = _name(named["name"]), named["words"]
        yield Said(speaker, words, end_s)


def spoken(text: str) -> Iterator[Said]:
    """Who speaks in a plain transcript: lines such as `Ann Lee: good morning`, `[00:12] Bob: hello`."""
    for line in text.split("\n"):
        found = _NAMED.match(line.strip())
        if found and found["name"].lower().strip() not in _NOT_NAMES:
            yield Said(_name(found["name"]), found["words"])


def written_out(said: Iterable[Said]) -> str:
    """Paragraphs, one per turn of a speaker; words that stand twice in a row (rolling captions) stand once."""
    paragraphs: list[str] = []
    last: Said | None = None
    for each in said:
        if last is not None and (last.speaker, last.words) == (each.speaker, each.words):
            continue
        if last is not None and each.speaker == last.speaker and paragraphs:
            paragraphs[-1] += f" {each.words}"
        else:
            paragraphs.append(f"{each.speaker}: {each.words}" if each.speaker else each.words)
        last = each
    return "\n\n".join(paragraphs)


def _end_s(line: str) -> int:
    found = _TIMING.match(line)
    if found is None or not found["tom"]:
        return 0
    return int(found["toh"] or 0) * 3600 + int(found["tom"]) * 60 + int(found["tos"])


def _name(written: str) -> str:
    return " ".join(written.strip(" *_[]").split())[:LONGEST_SPEAKER]
