"""What must not be reached is refused before a connection is made, however it is written (F53, T24)."""

from __future__ import annotations

import ipaddress

import pytest

from core.outside.addresses import allowed, is_public
from core.outside.guard import FetchFailed, FetchRefused, Guard

INSIDE = (
    "0.0.0.1", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::1", "fe80::1", "fe80::1%1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::", "fec0::1", "100::1",
)  # fmt: skip
PUBLIC = ("8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1")


@pytest.mark.parametrize("address", INSIDE)
def test_an_inside_address_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", [each for each in INSIDE if "%" not in each])
def test_an_inside_address_written_out_is_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(FetchRefused):
        Guard().checked(f"http://{host}/")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "no web address"),
        ("example.org", "no web address"),
        ("file:///etc/passwd", "no web address"),
        ("ftp://example.org/", "no web address"),
        ("gopher://example.org/", "no web address"),
        ("javascript:alert(1)", "no web address"),
        ("http://", "no"),
        ("http://user:secret@example.org/", "password"),
        ("http://user@example.org/", "password"),
        ("http://example.org:22/", "port 22"),
        ("http://example.org:5432/", "port 5432"),
        ("http://example.org:99999/", "no web address"),
        ("http://[::1", "no web address"),
        ("http://example.org/" + "x" * 3000, "longer"),
    ],
)
def test_what_is_no_public_web_address_is_refused_with_a_sentence(address: str, words: str) -> None:
    with pytest.raises(FetchRefused, match=words) as refusal:
        Guard().checked(address)
    assert "secret" not in str(refusal.value)


def test_a_web_address_is_taken_without_its_fragment() -> None:
    assert str(Guard().checked("  https://Example.org/a?b=c#d ")) == "https://example.org/a?b=c"


async def answers(*addresses: str) -> list[str]:
    return list(addresses)


@pytest.mark.parametrize("found", [("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("8.8.8.8", "::1"), ("::ffff:10.0.0.1",)])
async def test_a_name_with_one_inside_address_is_refused_as_a_whole(found: tuple[str, ...]) -> None:
    with pytest.raises(FetchRefused, match="not on the public internet"):
        await Guard(resolve=lambda *_: answers(*found)).addresses("example.org", 443)


@pytest.mark.parametrize("written", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
async def test_other_ways_to_write_loopback_are_refused(written: str) -> None:
    """The system's own resolver takes them for 127.0.0.1; what it answers is checked."""
    guard = Guard()
    with pytest.raises((FetchRefused, FetchFailed)):
        await guard.addresses(guard.checked(f"http://{written}/").raw_host or "", 80)


async def test_an_unknown_name_may_be_known_later() -> None:
    with pytest.raises(FetchFailed, match=r"example\.org is not known"):
        await Guard(resolve=lambda *_: answers()).addresses("example.org", 80)


@pytest.mark.parametrize(
    ("entry", "address", "port", "covered"),
    [
        ("127.0.0.1:8123", "127.0.0.1", 8123, True),
        ("127.0.0.1:8123", "127.0.0.1", 80, False),
        ("127.0.0.1:8123", "127.0.0.2", 8123, False),
        ("127.0.0.1", "127.0.0.1", 80, True),
        ("127.0.0.1", "127.0.0.1", 5432, False),
        ("10.0.0.0/8", "10.9.8.7", 8080, True),
        ("10.0.0.0/8:5000", "10.9.8.7", 5000, True),
        ("[::1]:80", "::1", 80, True),
        ("fd00::/8", "fd00::5", 443, True),
        ("name.example", "10.0.0.1", 80, True),
        ("other.example", "10.0.0.1", 80, False),
        ("10.0.0.0/8", "fd00::5", 443, False),
    ],
)
def test_the_list_of_exceptions_allows_what_it_names_and_no_more(
    entry: str, address: str, port: int, covered: bool
) -> None:
    assert allowed(entry).covers("name.example", ipaddress.ip_address(address), port) is covered


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "127.0.0.1:http", "127.0.0.1:0", "1.2.3", "10.0.0.1/8"])
def test_an_exception_that_cannot_be_read_is_told(entry: str) -> None:
    with pytest.raises(ValueError, match="write it like"):
        allowed(entry)
