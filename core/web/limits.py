"""How much one client may ask: requests a second, size of headers."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Final

from aiohttp import web

from core.web.refusals import Refused

HEADER_BYTES: Final = 16_384
FIELD_BYTES: Final = 8_190  # of one header; aiohttp refuses longer ones by itself
KEYS: Final = 10_000


class Rates:
    """A bucket per key that fills by `rate` a second up to twice that; a request takes one drop."""

    def __init__(self, rate: float) -> None:
        self._rate, self._size = rate, 2 * rate
        self._buckets: dict[Hashable, tuple[float, float]] = {}  # what is left, and when that was

    def left(self, key: Hashable) -> float:
        """Drops in the bucket now."""
        left, at = self._buckets.get(key, (self._size, 0.0))
        return min(self._size, left + (self._now() - at) * self._rate)

    def take(self, key: Hashable) -> None:
        """Raises Refused 429 when the bucket is empty."""
        left = self.left(key)
        if left < 1:
            wait_s = (1 - left) / self._rate
            raise Refused(
                429,
                "too_many_requests",
                f"the limit is {self._rate:g} requests a second; slow down, and try again in {wait_s:.2f} s",
                retry_after_s=wait_s,
            )
        self._buckets.pop(key, None)
        self._buckets[key] = (left - 1, self._now())
        if len(self._buckets) > KEYS:  # the one that was asked for longest ago
            del self._buckets[next(iter(self._buckets))]

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class Recognized:
    """Who was let in lately, by digest: guesses of others from the same address (a proxy's) do not shut him out."""

    def __init__(self) -> None:
        self._digests: dict[bytes, None] = {}  # the oldest first

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._digests

    def note(self, digest: bytes, *, valid: bool) -> None:
        self._digests.pop(digest, None)
        if valid:
            self._digests[digest] = None
        if len(self._digests) > KEYS:
            del self._digests[next(iter(self._digests))]


def check_headers(request: web.Request) -> None:
    """Raises Refused 431."""
    if sum(len(name) + len(value) + 4 for name, value in request.raw_headers) > HEADER_BYTES:
        raise Refused(431, "headers_too_large", f"the headers take more than {HEADER_BYTES:,} bytes; send fewer")
