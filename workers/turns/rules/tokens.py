"""Cuts a condition into tokens. What is no token of our small language is a syntax error at its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PREFIX: Final = len("SELECT 1 WHERE ")  # places are told as if this stood before the condition
LONGEST: Final = 20_000
_TOKEN: Final = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^']|'')*')
  | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w$])
  | \$(?P<param>\d{1,4})(?![\w$])
  | (?P<quoted>"(?:[^"]|"")+")
  | (?P<word>[^\W\d][\w$]*)
  | (?P<sign>::|<>|!=|<=|>=|@>|<@|&&|\|\||[=<>(),\[\].+-])
  )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is string, number, param, quoted, word, sign or end; `text` is what a condition means by it."""

    kind: str
    text: str
    at: int
    written: str = ""

    def word(self) -> str:
        """The keyword, if it is one."""
        return self.text.lower() if self.kind == "word" else ""


class Refused(ValueError):
    """The condition is not one we take; the message says where."""

    def __init__(self, told: str, at: int | None = None) -> None:
        super().__init__(told if at is None else f"At location {at + PREFIX}: {told}")


def cut(text: str) -> list[Token]:
    """All tokens, and an end. Raises Refused."""
    if len(text) > LONGEST:
        raise Refused(f"the condition is longer than {LONGEST:,} characters")
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise Refused(f'syntax error at or near "{text[place : place + 10]}"', place)
        kind = match.lastgroup
        written = match[kind]
        value = written[1:-1].replace(written[0] * 2, written[0]) if kind in {"string", "quoted"} else written
        if "\x00" in value:
            raise Refused("a condition holds no NUL")
        found.append(Token(kind, value, match.start(kind) - (kind == "param"), written))
        at = match.end()
    return [*found, Token("end", "", len(text), "end of input")]
