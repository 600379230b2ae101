"""What a language-model column would ask, counted without asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from core import Row
from workers.spreadsheets.model import Language
from workers.spreadsheets.rules.language import OVERHEAD, guessed, hashed, messages
from workers.spreadsheets.rules.values import is_blank

MILLION: Final = 1_000_000


@dataclass(slots=True)
class Counted:
    """Rows that would be filled in, prompts that would be asked, answers that are there already."""

    rows: int = 0
    calls: int = 0
    kept: int = 0
    tokens_asked: int = 0
    exact: bool = True
    _seen: set[str] = field(default_factory=set)

    def add(self, found: Sequence[tuple[str, int]]) -> dict[str, int]:
        """`found`: the name and the tokens of each row's prompt. Gives those that were not met before."""
        self.rows += len(found)
        fresh = {name: tokens for name, tokens in found if name not in self._seen}
        self._seen |= fresh.keys()
        return fresh

    def keep(self, known: set[str], fresh: Mapping[str, int]) -> None:
        """`known`: those of them that have an answer."""
        asked = [tokens for name, tokens in fresh.items() if name not in known]
        self.kept += len(known)
        self.calls += len(asked)
        self.tokens_asked += sum(asked)


def prompts(config: Language, model: str, rows: Sequence[Row]) -> list[tuple[str, int]]:
    """The name and the tokens of the prompt of each row that has something to ask about."""
    found = []
    for row in rows:
        inputs: Sequence[str | None] = row["inputs"]
        if any(each is not None and not is_blank(each) for each in inputs):
            asked = messages(config, inputs, row["row_number"])
            size = sum(len(each["content"].encode("utf-8", "replace")) for each in asked)
            found.append((hashed(config, model, asked), guessed(size) + OVERHEAD // 4))
    return found


def cost(asked: int, answered: int, price_in: float | None, price_out: float | None) -> float | None:
    """By the prices of a million tokens; None without them."""
    if price_in is None or price_out is None:
        return None
    return round((asked * price_in + answered * price_out) / MILLION, 4)
