"""Sizes and times of shapes, and where a reader stands."""

from __future__ import annotations

from dataclasses import dataclass

from workers.turns.rules.offsets import Offset


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes and times of shapes, as the settings have them."""

    chunk_bytes: int
    poll_s: float
    max_age_s: int
    stale_s: int
    stream_s: float = 60.0
    keep_alive_s: float = 21.0


@dataclass(slots=True)
class Reader:
    """Where somebody live stands: everything up to there was looked at, if not sent."""

    looked: Offset
