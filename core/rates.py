"""How often something may be done, as people write it: `60/min`, `10/s`, `1000/h`. Pure."""

from __future__ import annotations

import math
import re
from typing import Final

from core.errors import RowmillError

SECONDS: Final = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
WRITTEN: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([a-z]+)\s*", re.ASCII)


class NoRate(RowmillError, ValueError):
    """This is no rate; the message says how one is written."""


def per_second(rate: float | str) -> float:
    """Times a second: a number as it is, or a rate as people write it. Raises NoRate."""
    if not isinstance(rate, str):
        return rate
    found = WRITTEN.fullmatch(rate)
    if found is None or found[2] not in SECONDS:
        raise NoRate(f"{rate!r} is no rate; write it like 60/min, 10/s or 1000/h")
    times = float(found[1])
    if not 0 < times < math.inf:
        raise NoRate(f"the rate {rate!r} lets nothing through; write more than 0")
    return times / SECONDS[found[2]]
