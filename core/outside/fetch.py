"""The guarded HTTP fetch: GET one page of the open web, with limits on everything a stranger decides.

No cookies, no credentials, no environment proxies, no kept connections. Redirects are followed by hand, each hop
checked like the first. Every hop asks `permit` first: politeness and robots.txt are the caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from yarl import URL

from core.outside import bodies
from core.outside.guard import CheckedResolver, FetchFailed, FetchRefused, Guard

AGENT: Final = "Rowmill/0.1 (+https://rowmill.invalid; fetches single pages that people listed)"
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MAX_HOPS: Final = 5
CONNECT_S: Final = 10.0

Permit = Callable[[URL], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one fetch may take: seconds in all, bytes kept, and the kinds of content that are read."""

    total_s: float = 20.0
    max_bytes: int = 5_000_000
    content_types: frozenset[str] = frozenset({"text/html", "application/xhtml+xml", "text/plain"})


@dataclass(frozen=True, slots=True)
class Fetched:
    """The final answer. `body` is empty unless the status is 200; `retry_after_s` is what the server asked for."""

    url: str
    status: int
    body: bytes = b""
    content_type: str = ""
    charset: str | None = None
    redirects: int = 0
    retry_after_s: float | None = None


async def anyone(_url: URL) -> None:
    """The permit of a caller without politeness."""


async def fetch(address: str, guard: Guard, limits: Limits | None = None, *, permit: Permit = anyone) -> Fetched:
    """Raises FetchRefused (for good), FetchFailed (this time), or whatever `permit` raises."""
    limits = limits or Limits()
    try:
        async with asyncio.timeout(limits.total_s):
            return await _follow(guard.checked(address), guard, limits, permit)
    except TimeoutError as reason:
        raise FetchFailed(f"no whole answer came within {limits.total_s:g} s") from reason


async def _follow(url: URL, guard: Guard, limits: Limits, permit: Permit) -> Fetched:
    for redirects in range(MAX_HOPS + 1):
        await permit(url)
        answer = await _hop(url, guard, limits, redirects)
        if isinstance(answer, Fetched):
            return answer
        url = guard.checked(answer)
    raise FetchRefused(f"the page redirects more than {MAX_HOPS} times")


async def _hop(url: URL, guard: Guard, limits: Limits, redirects: int) -> Fetched | URL:
    """One request on one connection: the final answer, or where to go on."""
    resolver = CheckedResolver(guard)
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True, limit=1)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),  # the total is ours,
            ) as session,
            session.get(url, allow_redirects=False, headers=_headers(limits)) as response,
        ):
            return await _answered(response, limits, redirects)
    except (aiohttp.ClientError, OSError, EOFError) as reason:
        if resolver.refused is not None:
            raise resolver.refused from reason
        raise FetchFailed(_sentence(reason)) from reason


def _headers(limits: Limits) -> dict[str, str]:
    pages = "text/html,application/xhtml+xml;q=0.9,text/plain;q=0.5"
    return {
        "User-Agent": AGENT,
        "Accept": pages if "text/html" in limits.content_types else ",".join(sorted(limits.content_types)),
        "Accept-Encoding": bodies.ENCODINGS,
    }


async def _answered(response: aiohttp.ClientResponse, limits: Limits, redirects: int) -> Fetched | URL:
    if response.status in REDIRECTS and "Location" in response.headers:
        try:
            return response.url.join(URL(response.headers["Location"]))
        except ValueError as reason:
            raise FetchRefused("the page redirects to what is no web address") from reason
    address, status = str(response.url), response.status
    wait = retry_after_s(response.headers.get("Retry-After"), datetime.now(UTC))
    if status != 200:  # noqa: PLR2004 - the one status with a page
        return Fetched(address, status, redirects=redirects, retry_after_s=wait)
    kind = response.content_type.lower()
    if kind not in limits.content_types:
        raise FetchRefused(f"the address holds {kind[:80]}, which is not read here")
    if (response.content_length or 0) > limits.max_bytes:
        raise bodies.TooLarge(f"the answer is larger than {limits.max_bytes:,} bytes")
    encoding = response.headers.get("Content-Encoding", "")
    body = await bodies.read(response.content.iter_any(), encoding, limits.max_bytes)
    return Fetched(address, status, body, kind, response.charset, redirects, wait)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds, from seconds or a date; None for neither. Never negative, at most an hour."""
    if not header:
        return None
    if header.strip().isdecimal():
        return min(float(header.strip()[:9]), 3600.0)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), 3600.0)


def _sentence(reason: BaseException) -> str:
    match reason:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "the server's certificate cannot be trusted"
        case aiohttp.ClientConnectorError() | ConnectionError():
            return "no connection could be made"
        case aiohttp.ServerTimeoutError():
            return "the server does not answer"
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            return "the connection broke off"
        case _:
            return f"the answer cannot be understood ({type(reason).__name__})"
