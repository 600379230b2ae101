"""The outline of a Markdown file: its headings and plain lines, and on which line each stands.

By markdown-it-py, so that what only looks like a heading (in fenced or indented code, in HTML, inside a quotation or a
list) is none. Blocks only: what is inside a line is not parsed, which makes large files bearable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from markdown_it import MarkdownIt

_MARKUP: Final = re.compile(r"[*_`~]+|\[(?P<link>[^\]\[]{0,300})\]\([^)(]{0,500}\)|[\[\]]|<[^<>]{0,300}>")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the file itself. `line` and `end` count from 0; `end` is the line behind it."""

    line: int
    end: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of running text, in a list or not; never of code, HTML or a quotation."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A file in pieces. `lines` is all of it, as written."""

    lines: tuple[str, ...]
    headings: tuple[Heading, ...]
    texts: tuple[Line, ...]

    def between(self, start: int, end: int) -> str:
        """These lines as they were written, without blank lines around them."""
        return "\n".join(self.lines[start:end]).strip("\n").rstrip()


def outline(text: str) -> Outline:
    """The headings that stand at the outermost level, and the running text."""
    text = unified(text)
    headings: list[Heading] = []
    texts: list[Line] = []
    quoted = 0
    tokens = _parser().parse(text)
    for at, token in enumerate(tokens):
        if token.type in {"blockquote_open", "blockquote_close"}:
            quoted += token.nesting
        elif token.type == "heading_open" and token.level == 0 and token.map:
            inside = tokens[at + 1].content
            headings.append(Heading(token.map[0], token.map[1], int(token.tag[1]), inside))
        elif token.type == "paragraph_open" and not quoted and token.map:
            lines = enumerate(tokens[at + 1].content.split("\n"), start=token.map[0])
            texts += [Line(number, line) for number, line in lines]
    return Outline(tuple(text.split("\n")), tuple(headings), tuple(texts))


def unified(text: str) -> str:
    """One kind of line end. NUL, which no database stores, is shown as what cannot be shown."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd")


def plain(text: str) -> str:
    """A line without its markup: `**[2026-01-15](x)**` becomes `2026-01-15`."""
    return " ".join(_MARKUP.sub(lambda found: found["link"] or "", text).split())


@cache
def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark")
    made.core.ruler.enableOnly(["normalize", "block"])
    return made
