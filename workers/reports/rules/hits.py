"""What stands around a hit, in pieces: so that nobody has to write somebody's words into markup."""

from __future__ import annotations

from typing import Final

START: Final = "\ue000"
STOP: Final = "\ue001"


def pieces(around: str) -> list[tuple[str, bool]]:
    """The text in order; True for words that were searched for."""
    found: list[tuple[str, bool]] = []
    for number, part in enumerate(around.split(START)):
        hit, stop, rest = part.partition(STOP)
        if number == 0 or not stop:
            found.append((part, False))
            continue
        found += [(hit, True), (rest, False)]
    return [(" ".join(text.split("\n")), is_hit) for text, is_hit in found if text]
