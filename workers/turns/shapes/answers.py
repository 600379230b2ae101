"""Answers of the protocol: status, headers, body. Pure but for the clock."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from workers.turns.model.shapes import Definition
from workers.turns.rules.offsets import Offset
from workers.turns.shapes.messages import MUST_REFETCH

EPOCH: Final = 1_728_432_000  # 2024-10-09T00:00:00Z
JITTER_S: Final = 3600
_count = itertools.count()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caching:
    """`personal`: the answer depends on who asks, so no cache that others share may keep it."""

    max_age_s: int
    stale_s: int
    poll_s: float
    personal: bool

    def control(self, rest: str) -> dict[str, str]:
        if not self.personal:
            return {"cache-control": f"public, {rest}"}
        return {"cache-control": f"private, {rest}", "vary": "authorization, cookie"}

    def first(self) -> dict[str, str]:
        """A week, unless it is one person's: who loses a right must not read for a week what stands in a cache."""
        if self.personal:
            return {"cache-control": "private, no-cache", "vary": "authorization, cookie"}
        return self.control("max-age=604800, s-maxage=3600, stale-while-revalidate=2629746")

    def later(self) -> dict[str, str]:
        return self.control(f"max-age={self.max_age_s}, stale-while-revalidate={self.stale_s}")

    def live(self) -> dict[str, str]:
        return self.control("max-age=5, stale-while-revalidate=5")

    def stream(self) -> dict[str, str]:
        return self.control("max-age=59")

    def cursor(self, now_s: float, asked: str | None) -> str:
        """The same for all who ask within one poll, and never the one that was asked with."""
        width = max(1, round(self.poll_s))
        cursor = -(-int(now_s - EPOCH) // width) * width
        if asked and asked.isdecimal() and int(asked) >= cursor:
            cursor = int(asked) + random.randint(1, JITTER_S)
        return str(cursor)


def schema_header(definition: Definition) -> str:
    described = {each.name: each.description for each in definition.columns}
    text = orjson.dumps(described).decode()
    return text.encode("ascii", "backslashreplace").decode() if text.isascii() else _ascii(text)


def _ascii(text: str) -> str:
    """Escaped as JSON does it: headers are ASCII."""
    units = text.encode("utf-16-be")
    codes = (units[at] << 8 | units[at + 1] for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)  # noqa: PLR2004 - ASCII


def etag(handle: str, asked: Offset, after: Offset, *, unique: bool = False) -> str:
    suffix = f":{next(_count)}" if unique else ""
    return f'"{handle}:{asked}:{after}{suffix}"'


def places(handle: str, after: Offset) -> dict[str, str]:
    return {"electric-handle": handle, "electric-offset": str(after)}


def refetch(handle: str | None) -> Answer:
    """Start anew, with this handle."""
    if handle is None:
        return Answer(409, MUST_REFETCH, {"cache-control": "public, max-age=1, must-revalidate"})
    return Answer(
        409, MUST_REFETCH, {"electric-handle": handle, "cache-control": "public, max-age=60, must-revalidate"}
    )


def invalid(errors: Mapping[str, Any]) -> Answer:
    return told(400, {"message": "Invalid request", "errors": errors})


def told(status: int, document: Mapping[str, Any], **headers: str) -> Answer:
    """An error."""
    return Answer(
        status, orjson.dumps(document), {"cache-control": "no-store", "surrogate-control": "no-store", **headers}
    )
