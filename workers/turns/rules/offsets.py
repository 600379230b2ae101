"""Where a client stands in a shape.

`-1` nothing yet · `now` from here on · `0_c` has the chunks of the snapshot up to c · `X_0` has every transaction up to
number X · `X_k` has also the first k messages of transaction X + 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

HIGHEST: Final = 2**63 - 1
_OFFSET: Final = re.compile(r"(\d{1,19})_(\d{1,10}|inf)")


@dataclass(frozen=True, slots=True)
class Offset:
    """`part` is the chunk of a snapshot, or the messages of the next transaction."""

    kind: Literal["start", "now", "snapshot", "log"]
    lsn: int = 0
    part: int = 0

    def __str__(self) -> str:
        return {"start": "-1", "now": "now"}.get(self.kind, f"{self.lsn}_{self.part}")

    @property
    def is_mid_air(self) -> bool:
        """Neither of the two that need no handle."""
        return self.kind in {"snapshot", "log"}


START: Final = Offset("start")


def after(lsn: int) -> Offset:
    """Behind this transaction."""
    return Offset("log", lsn)


def inside(lsn: int, messages: int) -> Offset:
    """Behind so many messages of this transaction."""
    return Offset("log", lsn - 1, messages)


def chunk(number: int) -> Offset:
    return Offset("snapshot", 0, number)


def parsed(text: str) -> Offset | None:
    """None for what is no offset."""
    if text == "-1":
        return START
    if text == "now":
        return Offset("now")
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[1]) > HIGHEST:
        return None
    lsn = int(found[1])
    if lsn == 0:
        return Offset("snapshot", 0, HIGHEST if found[2] == "inf" else int(found[2]))
    return after(lsn) if found[2] == "inf" else Offset("log", lsn, int(found[2]))
