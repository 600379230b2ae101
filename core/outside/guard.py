"""Says no before a connection is made: to a scheme, a port, an address. The address that was checked is the one that
is connected to, so a name that answers differently the second time changes nothing."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.errors import RowmillError
from core.outside.addresses import PORTS, Address, Allowed, is_public

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

LONGEST_URL: Final = 2048


class FetchRefused(RowmillError):
    """This address is not fetched, now or later; the message says why."""


class FetchFailed(RowmillError):
    """No answer came this time; another try may help."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, by the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks of one installation: `allow` lists what may be called although it lies inside."""

    allow: tuple[Allowed, ...] = ()
    resolve: Resolve = resolve

    def checked(self, text: str | URL) -> URL:
        """The address as it may be asked for. Raises FetchRefused with a sentence."""
        url = _parsed(text)
        if url.scheme not in {"http", "https"}:
            raise FetchRefused(f"{_told(url)} is no web address; write one that begins with http:// or https://")
        if url.user is not None or url.password is not None:
            raise FetchRefused("the address holds a user name or a password; write it without")
        host, port = url.raw_host, url.port
        if not host or port is None:
            raise FetchRefused(f"{_told(url)} names no host; write a whole address")
        if port not in PORTS and not any(each.port == port for each in self.allow):
            raise FetchRefused(f"port {port} is not called; the ports are {', '.join(map(str, sorted(PORTS)))}")
        literal = _address(host)
        if literal is not None:
            self.require(host, literal, port)
        return url.with_fragment(None)

    def require(self, host: str, address: Address, port: int) -> None:
        """Raises FetchRefused unless this address may be connected to under this name."""
        if is_public(address) and port in PORTS:
            return
        if not any(each.covers(host, address, port) for each in self.allow):
            raise FetchRefused(
                f"{host} is not on the public internet; to allow it, an administrator names it in ROWMILL_FETCH_ALLOW"
            )

    async def addresses(self, host: str, port: int) -> list[Address]:
        """All addresses of a host, each of them checked: one inside address refuses the name as a whole."""
        try:
            found = [ipaddress.ip_address(each) for each in await self.resolve(host, port)]
        except (OSError, UnicodeError, ValueError) as reason:
            raise FetchFailed(f"the host {host} is not known") from reason
        if not found:
            raise FetchFailed(f"the host {host} is not known")
        for each in found:
            self.require(host, each, port)
        return found


class CheckedResolver(AbstractResolver):
    """Hands the connector only addresses that have just been checked."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.refused: FetchRefused | FetchFailed | None = None  # aiohttp wraps errors; this is the plain one

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's signature
    ) -> list[ResolveResult]:
        try:
            found = await self._guard.addresses(host, port)
        except (FetchRefused, FetchFailed) as error:
            self.refused = error
            raise OSError(str(error)) from error
        return [
            ResolveResult(
                hostname=host,
                host=str(each),
                port=port,
                family=socket.AF_INET if isinstance(each, ipaddress.IPv4Address) else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in found
        ]

    async def close(self) -> None:
        """Nothing is kept."""


def _parsed(text: str | URL) -> URL:
    if len(str(text)) > LONGEST_URL:
        raise FetchRefused(f"the address is longer than {LONGEST_URL:,} characters")
    try:
        url = URL(text.strip() if isinstance(text, str) else text)
        _ = url.port, url.raw_host
    except (ValueError, TypeError) as reason:
        raise FetchRefused(f"{str(text)[:80]!r} is no web address; write one that begins with http://") from reason
    return url


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _told(url: URL) -> str:
    return repr(str(url.with_user(None) if url.raw_host else url)[:80])
