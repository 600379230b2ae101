"""Texts with places: `{1}` is the row's first input, `{2}` the second, `{row}` its number; `{{` and `}}` are braces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import regex

_PLACE: Final = regex.compile(r"\{\{|\}\}|\{([^{}]{0,40})\}|[{}]")
MAX_INPUTS: Final = 50


@dataclass(frozen=True, slots=True)
class Template:
    """Its text in pieces: a text, or the number of an input; 0 is the number of the row."""

    pieces: tuple[str | int, ...]

    @property
    def inputs(self) -> frozenset[int]:
        return frozenset(piece for piece in self.pieces if isinstance(piece, int) and piece)

    @property
    def fixed(self) -> str:
        return "".join(piece for piece in self.pieces if isinstance(piece, str))

    def filled(self, inputs: Sequence[str | None], row: int, write: Callable[[str], str] = str) -> str:
        """`write` says how a value stands in the text. A blank input is an empty text."""
        return "".join(
            piece if isinstance(piece, str) else write(str(row) if piece == 0 else inputs[piece - 1] or "")
            for piece in self.pieces
        )


def template_of(text: str) -> Template:
    """Raises ValueError with a sentence."""
    pieces: list[str | int] = []
    end = 0
    for found in _PLACE.finditer(text):
        pieces += [text[end : found.start()], _piece(found[0], found[1])]
        end = found.end()
    return Template(tuple(piece for piece in (*pieces, text[end:]) if piece != ""))


def _piece(whole: str, name: str | None) -> str | int:
    if whole in {"{{", "}}"}:
        return whole[0]
    if name == "row":
        return 0
    if name is None or not name.isascii() or not name.isdecimal() or not 1 <= int(name) <= MAX_INPUTS:
        raise ValueError(f"{whole} is no place; write {{1}} for the first input, {{row}}, or {{{{ for a brace")
    return int(name)
