"""What a site asks of programs: its robots.txt, asked for once an hour by each process, through the same guard."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.robotparser import RobotFileParser

from yarl import URL

from core.outside.fetch import AGENT, Fetched, Limits, fetch
from core.outside.guard import FetchFailed, FetchRefused, Guard

KEPT_S: Final = 3600.0
KEPT_SITES: Final = 1000
LIMITS: Final = Limits(10.0, 500_000, frozenset({"text/plain", "text/html", "application/octet-stream"}))
SERVER_ERRORS: Final = 500


class RobotsRefuse(FetchRefused):
    """The site does not want programs to read this page."""


@dataclass(slots=True)
class Robots:
    """Known rules by site. A site without a readable robots.txt allows everything (RFC 9309: 4xx); one that is in
    trouble is asked again with the page (5xx, no answer)."""

    guard: Guard
    clock: Callable[[], float] = time.monotonic
    _known: OrderedDict[str, tuple[float, RobotFileParser]] = field(default_factory=OrderedDict)

    async def require(self, url: URL) -> None:
        """Raises RobotsRefuse where the site's rules exclude this address, FetchFailed where they cannot be known."""
        rules = await self._rules(url.origin())
        if not rules.can_fetch(AGENT.partition("/")[0], str(url)):
            raise RobotsRefuse(f"{url.raw_host} asks programs not to read this page (robots.txt)")

    async def _rules(self, origin: URL) -> RobotFileParser:
        known = self._known.get(str(origin))
        if known is not None and known[0] > self.clock():
            return known[1]
        rules = RobotFileParser()
        rules.parse(await self._lines(origin))
        self._known[str(origin)] = (self.clock() + KEPT_S, rules)
        self._known.move_to_end(str(origin))
        if len(self._known) > KEPT_SITES:
            self._known.popitem(last=False)
        return rules

    async def _lines(self, origin: URL) -> list[str]:
        try:
            found: Fetched = await fetch(str(origin.with_path("/robots.txt")), self.guard, LIMITS)
        except FetchRefused:
            return []  # too large, of another kind, or elsewhere: no rules
        if found.status >= SERVER_ERRORS:
            raise FetchFailed(f"{origin.raw_host} answers {found.status} to the question for its robots.txt")
        return found.body.decode("utf-8", "replace").splitlines()
