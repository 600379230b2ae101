"""Makes the files of a team: daily reports of many people in the forms people write them, transcripts, epic trees and
chats; good, odd and broken ones. What each of them says is written down beside them: that list is the proof's.

`python -m demo.reports.make_files FOLDER FILES` makes about so many. The same number gives the same files.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

FIRST_DAY: Final = date(2026, 1, 5)  # a Monday
PEOPLE: Final = 50
NAMES: Final = (
    "Ann Lee", "Bob Stone", "Cleo Marsh", "Zoë Müller", "José Núñez", "Łukasz Nowak", "Mia O'Neill", "Jean-Luc Petit",
)  # fmt: skip
DATES: Final = (
    "{0:%Y}-{0:%m}-{0:%d}", "{0:%B} {0.day}, {0:%Y}", "Date: {0.day}.{0.month}.{0:%Y}", "{0:%A}, {0.day} {0:%b} {0:%Y}",
    "**Date**: {0:%Y}/{0:%m}/{0:%d}", "{0:%Y}-{0:%m}-{0:%d} ({0:%a}) – standup",
)  # fmt: skip
SIGNED: Final = ("**Employee**: {}", "**Employee:** {}", "Employee: {} <x@example.org>", "- **Employee**: {}")
VERBS: Final = ("built", "fixed", "tested", "reviewed", "described", "measured")
THINGS: Final = (
    "the login page",
    "the export",
    "search",
    "two queries",
    "the report of the week",
    "café menus",
    "the API",
)
CODE: Final = "```markdown\n## 2001-01-01\n**Employee**: Nobody\n```"


@dataclass
class Expected:
    """What must be there after all files were read, once."""

    files: int = 0
    daily: dict[str, str] = field(default_factory=dict)  # "author|day" -> text
    transcripts: dict[str, str] = field(default_factory=dict)  # "file name|day" -> text
    jira: int = 0
    slack: int = 0
    problems: int = 0
    revised: dict[str, str] = field(default_factory=dict)  # the text that was shown before


def make(folder: Path, files: int) -> Expected:
    """Writes the files below `folder`, and `expected.json` beside it."""
    luck = random.Random(files)
    expected = Expected()
    for path, text, encoding in _files(files, luck, expected):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        end = luck.choice(("\n", "\n", "\r\n"))
        place.write_bytes(text.replace("\n", end).encode(encoding))
        expected.files += 1
    listed = json.dumps(vars(expected), ensure_ascii=False)
    folder.with_name(f"{folder.name}.expected.json").write_text(listed, encoding="utf-8")
    return expected


def _files(count: int, luck: random.Random, expected: Expected) -> Iterator[tuple[str, str, str]]:
    """Name, text and encoding of each file; two of three are daily reports."""
    made = 0
    day = FIRST_DAY
    while made < count:
        for path, text, encoding in _of_a_day(day, luck, expected):
            made += 1
            yield path, text, encoding
            if made == count:
                return
        day += timedelta(days=1 if day.weekday() < 4 else 3)  # noqa: PLR2004 - Friday


def _of_a_day(day: date, luck: random.Random, expected: Expected) -> Iterator[tuple[str, str, str]]:
    for number in range(PEOPLE):
        yield _daily(day, person(number), luck, expected)
        if number % 3 == 0:
            yield _transcript(day, number // 3, luck, expected)
    if day.weekday() == 4:  # noqa: PLR2004 - Friday
        week = f"{day.isocalendar().year}-W{day.isocalendar().week:02d}"
        expected.jira += 1
        yield f"jira/epic_tree_{week}.md", "# Epics\n\n- ROCK-1 Epic: all\n  - ROCK-2\n", "utf-8"
        expected.slack += 2
        chat = "# #general\n\n**Ann** 09:30 mail me: ann@example.org\n\n# #dev\n\n**Bob** 10:00 password: hunter22\n"
        yield f"slack/export_{week}.md", chat, "utf-8"
        expected.problems += 1
        yield f"daily/{day}/unsigned.md", f"## {day}\n\n- who was it?\n", "utf-8"
        expected.problems += 1
        yield f"daily/{day}/dateless.md", "**Employee**: Ann Lee\n\n- which day?\n", "utf-8"


def person(number: int) -> str:
    return NAMES[number] if number < len(NAMES) else f"{NAMES[number % len(NAMES)]} {number}"


def _daily(day: date, name: str, luck: random.Random, expected: Expected) -> tuple[str, str, str]:
    text = said(luck)
    expected.daily[f"{name}|{day}"] = text
    heading = luck.choice(DATES).format(day)
    signed = luck.choice(SIGNED).format(name)
    whole = f"{signed}\n\n## {heading}\n\n{text}\n" if luck.random() < 0.5 else f"## {heading}\n\n{signed}\n\n{text}\n"  # noqa: PLR2004
    encoding = luck.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16"))
    return f"daily/{day}/{name.replace(' ', '-').lower()}.md", whole, encoding


def said(luck: random.Random) -> str:
    """A day's text: points, now and then code, blockers, a long one."""
    points = [f"- {luck.choice(VERBS)} {luck.choice(THINGS)}" for _ in range(luck.randint(1, 6))]
    parts = ["\n".join(points)]
    if luck.random() < 0.2:  # noqa: PLR2004 - one of five
        parts.append(CODE)
    if luck.random() < 0.2:  # noqa: PLR2004
        parts.append(f"### Blockers\n\n- waits for {luck.choice(THINGS)}")
    if luck.random() < 0.02:  # noqa: PLR2004
        parts.append("A long day. " * 500 + "Done.")
    return "\n\n".join(parts)


def _transcript(day: date, number: int, luck: random.Random, expected: Expected) -> tuple[str, str, str]:
    name = f"{day} meeting {number}.vtt"
    lines = [
        (luck.choice(NAMES), f"{luck.choice(VERBS)} {luck.choice(THINGS)} {at}") for at in range(luck.randint(3, 20))
    ]
    cues = [
        f"00:00:{at:02d}.000 --> 00:00:{at + 1:02d}.000\n<v {who}>{words}\n" for at, (who, words) in enumerate(lines)
    ]
    paragraphs: list[str] = []
    last = None
    for who, words in lines:
        if who == last:
            paragraphs[-1] += f" {words}"
        else:
            paragraphs.append(f"{who}: {words}")
        last = who
    expected.transcripts[f"{name}|{day}"] = "\n\n".join(paragraphs)
    return f"meetings/{name}", "WEBVTT\n\n" + "\n".join(cues), "utf-8"


def correct(folder: Path, corrected: Path, every: int, expected: Expected) -> int:
    """Corrections that come in later: every so manyth daily report once more, with another text."""
    luck = random.Random(every)
    for at, key in enumerate(sorted(expected.daily)):
        if at % every:
            continue
        name, day = key.split("|")
        expected.revised[key], expected.daily[key] = expected.daily[key], f"{said(luck)}\n\nCorrected."
        place = corrected / f"daily-{day}-{name.replace(' ', '-')}.md"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"## {day}\n\n**Employee**: {name}\n\n{expected.daily[key]}\n", encoding="utf-8")
    listed: dict[str, Any] = vars(expected)
    folder.with_name(f"{folder.name}.expected.json").write_text(
        json.dumps(listed, ensure_ascii=False), encoding="utf-8"
    )
    return len(expected.revised)


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), int(sys.argv[2])).files)
