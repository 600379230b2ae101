"""Web pages: fetched through the guard, read in a process aside. Raises the sentences of core.outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import orjson

from core.outside import Aside, Fetched, MustWait, limit_of, web
from workers.spreadsheets.model import Page

Wait = Callable[[str, float, float], Awaitable[float]]

READER: Final = Aside("workers.spreadsheets.asides.pages:extracted", limit_s=10.0, children=1)


async def take_turn(address: str, wait: Wait) -> float:
    """Checks an address and takes its host's token: 0, or the seconds to wait. Raises FetchRefused."""
    try:
        await web().take_turn(address, wait)
    except MustWait as early:
        return early.seconds
    return 0.0


async def fetch(address: str, wait: Wait) -> Fetched:
    """Fetches an address whose turn was taken. Raises FetchRefused, FetchFailed, MustWait where it redirects to."""
    return await web().fetch(address, wait)


async def read_page(found: Fetched, max_links: int) -> Page:
    """What stands on the page. Raises AsideFailed."""
    about = {
        "url": found.url,
        "charset": found.charset,
        "content_type": found.content_type,
        "max_links": max_links,
    }
    told = orjson.loads(await READER.call(orjson.dumps(about) + b"\n" + found.body))
    return Page(told["title"], told["description"], told["text"], tuple(told["links"]))


def host_limit(address: str) -> str:
    """The name of the limit that an address falls under."""
    return limit_of(address)
