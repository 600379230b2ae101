"""Which addresses a guarded call may connect to: public ones, and those that the installation allows by name. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS: Final = frozenset({80, 443, 8000, 8080, 8443})

# Written out, because what `is_global` means differs between versions of Python. Sources: the IANA registries of
# special-purpose addresses; 168.63.129.16 is a cloud's metadata service on a public address.
_CLOSED_4: Final = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
    )
)  # fmt: skip
_OPEN_6: Final = IPv6Network("2000::/3")  # global unicast: not loopback, local, mapped, NAT64 (64:ff9b::), multicast
_CLOSED_6: Final = tuple(
    IPv6Network(each)
    for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")  # Teredo and others, examples, 6to4
)


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in closed for closed in _CLOSED_4)
    return address in _OPEN_6 and not address.scope_id and not any(address in closed for closed in _CLOSED_6)


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of the setting `fetch_allow`: a network or a host name; a port, or None for the usual ones."""

    place: Network | str
    port: int | None

    def covers(self, host: str, address: Address, port: int) -> bool:
        if port != self.port and (self.port is not None or port not in PORTS):
            return False
        if isinstance(self.place, str):
            return self.place == host.lower()
        return address.version == self.place.version and address in self.place


def allowed(entry: str) -> Allowed:
    """Reads `10.0.0.0/8`, `127.0.0.1:8123`, `[::1]:80`, `intranet.example:8080`. Raises ValueError with a sentence."""
    text = entry.strip().lower()
    place, port = _split(text)
    try:
        number = _number(port) if port else None
        if "/" in place or ":" in place or place.replace(".", "").isdecimal():
            return Allowed(ipaddress.ip_network(place), number)
    except ValueError as reason:
        raise ValueError(f"{entry!r} is no address; write it like 127.0.0.1:8123, 10.0.0.0/8 or a name") from reason
    return Allowed(place, number)


def _number(port: str) -> int:
    number = int(port)
    if not 0 < number < 1 << 16:
        raise ValueError(port)
    return number


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        place, _, port = text[1:].partition("]")
        return place, port.removeprefix(":")
    if text.count(":") > 1:
        return text, ""
    place, _, port = text.partition(":")
    return place, port
