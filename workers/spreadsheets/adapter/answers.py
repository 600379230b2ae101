"""Answers of APIs in JSON: fetched through the guard, searched in a process aside. Raises the sentences of
core.outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import orjson

from core.outside import Aside, Fetched, web

Wait = Callable[[str, float, float], Awaitable[float]]

JSON_TYPES: Final = frozenset({"application/json", "text/json", "application/ld+json", "application/problem+json"})
SEARCHER: Final = Aside("workers.spreadsheets.asides.answers:found", limit_s=10.0, children=1)


async def fetch_json(address: str, wait: Wait) -> Fetched:
    """Fetches an address whose turn was taken. Raises FetchRefused, FetchFailed, MustWait where it redirects to."""
    return await web().fetch(address, wait, JSON_TYPES)


async def read_json(found: Fetched, paths: Sequence[str]) -> list[Any]:
    """What each path finds. Raises AsideFailed."""
    values: list[Any] = orjson.loads(await SEARCHER.call(orjson.dumps(list(paths)) + b"\n" + found.body))
    return values
