"""A small web site on loopback, the same every time, for the demo's pages: good ones, slow, moved, gone, huge ones.

What it tells about its pages is the data they are made from, not what anybody has read off them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

from aiohttp import web

GOOD_PAGES: Final = 40
SEED: Final = 8123
SLOW_S: Final = 0.7
HUGE_BYTES: Final = 3_000_000
LIMIT_BYTES: Final = 1_000_000  # what the demo's workers take of one page
SUBJECTS: Final = ("harbour", "mill", "archive", "orchard", "observatory", "ferry", "workshop", "library")
VERBS: Final = ("opened", "burned down", "was rebuilt", "moved upstream", "changed hands", "fell silent", "was painted")
PLACES: Final = ("in Bremen", "near Graz", "at the Elbe", "above Basel", "behind the dunes", "in Køge", "by the canal")


@dataclass(frozen=True, slots=True)
class Page:
    """One page as its author thinks of it; links are paths on the site."""

    path: str
    title: str
    description: str
    paragraphs: tuple[str, ...]
    links: tuple[str, ...]
    charset: str = "utf-8"

    def html(self) -> bytes:
        text = "".join(f"<p>{paragraph}</p>" for paragraph in self.paragraphs)
        links = "".join(f'<li><a href="{link}">more</a></li>' for link in self.links)
        head = f'<title>{self.title}</title><meta name="description" content="{self.description}">'
        body = f"<main><article>{text}</article></main><footer><ul>{links}</ul></footer>"
        return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode(self.charset)


def pages() -> dict[str, Page]:
    """The good pages by path."""
    chance = Random(SEED)
    return {page.path: page for page in (_page(chance, number) for number in range(1, GOOD_PAGES + 1))}


def _page(chance: Random, number: int) -> Page:
    subject, place = chance.choice(SUBJECTS), chance.choice(PLACES)
    paragraphs = tuple(_paragraph(chance, subject, number, part) for part in range(1, chance.randint(3, 5)))
    links = tuple(dict.fromkeys(f"/page/{chance.randint(1, GOOD_PAGES)}" for _ in range(chance.randint(0, 4))))
    return Page(
        f"/page/{number}",
        f"The {subject} {place}, no. {number}",
        f"What became of the {subject} {place}",
        paragraphs,
        links,
        "latin-1" if number % 5 == 0 else "utf-8",
    )


def _paragraph(chance: Random, subject: str, number: int, part: int) -> str:
    years = sorted(chance.sample(range(1800, 2020), 3))
    told = ", and ".join(f"in {year} the {subject} {chance.choice(VERBS)}" for year in years)
    return f"Chapter {part} of story {number} says that {told}, as every child {chance.choice(PLACES)} can tell you."


def addresses(base: str) -> list[str]:
    """What stands in the sheet: every page once, and what goes wrong on the open web."""
    odd = ["/moved/1", "/moved/2", "/slow/3", "/slow/4", "/gone", "/missing", "/huge", "/bomb", "/endless-moves"]
    inside = ["http://169.254.169.254/latest/meta-data/", "http://[::1]:5432/", "file:///etc/passwd"]
    return [*(base + path for path in pages()), *(base + path for path in odd), *inside]


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    known = pages()
    kind, _, number = request.path.strip("/").partition("/")
    if kind == "moved":
        return web.Response(status=301, headers={"Location": f"/page/{number}"})
    if kind == "slow":
        await asyncio.sleep(SLOW_S)
    page = known.get(f"/page/{number}")
    if page is not None:
        return web.Response(body=page.html(), headers={"Content-Type": f"text/html; charset={page.charset}"})
    return _odd(request.path)


def _odd(path: str) -> web.StreamResponse:
    match path:
        case "/huge":
            return web.Response(body=b"<p>" + b"x" * HUGE_BYTES, content_type="text/html")
        case "/bomb":
            response = web.Response(body=bytes(100 * HUGE_BYTES // 10), content_type="text/html")
            response.enable_compression(web.ContentCoding.gzip)
            return response
        case "/endless-moves":
            return web.Response(status=302, headers={"Location": "/endless-moves"})
        case "/gone":
            return web.Response(status=410)
        case "/robots.txt":
            return web.Response(text="User-agent: *\nAllow: /\n")
    return web.Response(status=404)


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """The site's address while it is served: http://127.0.0.1:port."""
    runner = web.ServerRunner(web.Server(_answer), shutdown_timeout=0.5, handler_cancellation=True)
    await runner.setup()
    try:
        place = web.TCPSite(runner, "127.0.0.1", 0)
        await place.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
