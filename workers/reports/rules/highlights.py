"""What of a day's text is worth repeating: its first points, and what stands in someone's way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from workers.reports.rules.markdown import outline, plain

POINTS: Final = 3
LONGEST_POINT: Final = 200
_BLOCKERS: Final = re.compile(r"\b(?:blockers?|blocked|impediments?|obstacles?|risks?)\b", re.IGNORECASE)
_NOTHING: Final = re.compile(r"(?:none|no(?:thing)?(?: blockers?)?|n/?a|-+|keine?|—)\W*", re.IGNORECASE)
_NAMED: Final = re.compile(r"^\W*(?P<name>[^\W\d_][\w ]{0,30}?)\**:\**\s+(?P<rest>\S.*)$")
_LABEL: Final = re.compile(r"^\W*(?P<name>[^\W\d_][\w ]{0,30}?)\W*:\W*$")


@dataclass(frozen=True, slots=True)
class Highlights:
    """Points in the order they stand, cut where they are long, and blockers."""

    points: tuple[str, ...]
    blockers: tuple[str, ...]
    more: int  # points that were left out


def highlights(content: str) -> Highlights:
    """Of a day's text, which may be Markdown of any quality."""
    points: dict[str, None] = {}  # what stands twice is said once
    blockers: dict[str, None] = {}
    for section, text in _lines(content):
        said = shortened(plain(text))
        if not said or _NOTHING.fullmatch(said):
            continue
        (blockers if _BLOCKERS.search(section) else points).setdefault(said)
    return Highlights(tuple(points)[:POINTS], tuple(blockers), max(0, len(points) - POINTS))


def _lines(content: str) -> Iterator[tuple[str, str]]:
    """Lines of running text with the name of the part they stand in: a heading, or a line such as `**Blockers**:`."""
    found = outline(content)
    marks = [(heading.line, 0, plain(heading.text)) for heading in found.headings]
    marks += [(line.line, 1, line.text) for line in found.texts]
    section = ""
    for _, is_text, text in sorted(marks):
        if not is_text:
            section = text
        elif label := _LABEL.match(text):
            section = label["name"]
        elif (named := _NAMED.match(text)) and _BLOCKERS.search(named["name"]):
            yield named["name"], named["rest"]
        else:
            yield section, text


def shortened(text: str, longest: int = LONGEST_POINT) -> str:
    """Cut behind a word, with an ellipsis."""
    if len(text) <= longest:
        return text
    return text[:longest].rsplit(" ", 1)[0].rstrip(" ,;:-") + "…"
