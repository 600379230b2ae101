"""The web as this installation may call it: its guard, its limits, its manners. Read from the settings once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cache

from yarl import URL

from core.errors import RowmillError
from core.outside.addresses import allowed
from core.outside.fetch import Fetched, Limits, fetch
from core.outside.guard import Guard
from core.outside.robots import Robots
from core.settings import Settings

Wait = Callable[[str, float, float], Awaitable[float]]  # (name of a limit, per second, burst) -> seconds to wait


class MustWait(RowmillError):
    """The host has had its share for now: come back in `seconds`."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(f"waits for its turn at {host}")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Web:
    """Fetches politely. `per_s` and `burst` hold for one host and all workers together."""

    guard: Guard
    limits: Limits
    per_s: float
    burst: float
    robots: Robots | None

    async def take_turn(self, address: str, wait: Wait) -> None:
        """Takes a token of the address's host before anything else is done. Raises FetchRefused or MustWait."""
        await self._take(self.guard.checked(address), wait)

    async def fetch(self, address: str, wait: Wait, content_types: frozenset[str] | None = None) -> Fetched:
        """Fetches an address whose turn was taken; `wait` takes a token for each further host. A further hop on a host
        belongs to its turn: a task that begins anew when one token exists could never pay for two. `content_types`
        that are read, in place of pages.

        Raises MustWait, FetchRefused or FetchFailed.
        """
        limits = self.limits if content_types is None else replace(self.limits, content_types=content_types)
        taken = {limit_of(self.guard.checked(address))}

        async def permit(url: URL) -> None:
            if limit_of(url) not in taken:
                await self._take(url, wait)
                taken.add(limit_of(url))
            if self.robots is not None:
                await self.robots.require(url)

        return await fetch(address, self.guard, limits, permit=permit)

    async def _take(self, url: URL, wait: Wait) -> None:
        seconds = await wait(limit_of(url), self.per_s, self.burst)
        if seconds > 0:
            raise MustWait(str(url.raw_host), seconds)


def limit_of(url: URL | str) -> str:
    """The name of a host's limit."""
    return f"host:{URL(url).raw_host}"


@cache
def web() -> Web:
    """Read once per process."""
    settings = Settings()
    guard = Guard(tuple(allowed(entry) for entry in settings.fetch_allow))
    limits = Limits(settings.fetch_limit_s, settings.fetch_max_bytes)
    robots = Robots(guard) if settings.fetch_robots else None
    return Web(guard, limits, settings.fetch_per_s, settings.fetch_burst, robots)
