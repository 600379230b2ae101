"""The guarded fetch takes a page and nothing a stranger's server may do to it: size, time, packing, redirects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from yarl import URL

from core.outside.bodies import TooLarge
from core.outside.fetch import AGENT, Fetched, Limits, fetch, retry_after_s
from core.outside.guard import FetchFailed, FetchRefused, Guard
from core.outside.robots import Robots, RobotsRefuse
from tests.core.outside.sites import PAGE, Site

SMALL = Limits(total_s=5, max_bytes=100_000)


async def test_a_page_comes_with_its_address_kind_and_charset(site: Site) -> None:
    found = await fetch(site.url("/page"), site.guard())
    assert found == Fetched(site.url("/page"), 200, PAGE.encode(), "text/html", "utf-8")
    ((path, headers),) = site.asked
    assert (path, headers["User-Agent"], headers["Host"]) == ("/page", AGENT, f"127.0.0.1:{site.port}")
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


@pytest.mark.parametrize("path", ["/gzip", "/deflate", "/raw-deflate"])
async def test_packed_pages_are_unpacked(site: Site, path: str) -> None:
    assert (await fetch(site.url(path), site.guard())).body == PAGE.encode()


async def test_redirects_are_followed_hop_by_hop(site: Site) -> None:
    asked: list[str] = []

    async def permit(url: URL) -> None:
        asked.append(url.path)

    found = await fetch(site.url("/hop"), site.guard(), permit=permit)
    assert (found.url, found.status, found.redirects) == (site.url("/page"), 200, 2)
    assert asked == ["/hop", "/hop2", "/page"]


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("/large", TooLarge, "larger than 100,000 bytes"),
        ("/endless", TooLarge, "larger than 100,000 bytes"),
        ("/bomb", TooLarge, "100,000 bytes"),
        ("/brotli", FetchRefused, "'br'"),
        ("/pdf", FetchRefused, "application/pdf"),
        ("/loop", FetchRefused, "more than 5 times"),
        ("/to/?http://169.254.169.254/latest", FetchRefused, "not on the public internet"),
        ("/to/?http://[::1]/", FetchRefused, "not on the public internet"),
        ("/to/?file:///etc/passwd", FetchRefused, "no web address"),
        ("/to/?http://a:b@127.0.0.1/", FetchRefused, "password"),
        ("/to/?http://127.0.0.1:5432/", FetchRefused, "port 5432"),
        ("/cut", FetchFailed, "no end"),
        ("/broken", FetchFailed, "broken"),
    ],
)
async def test_what_may_not_be_taken_ends_in_a_sentence(
    site: Site, path: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        await fetch(site.url(path), site.guard(), SMALL)


@pytest.mark.parametrize("path", ["/slow", "/hang"])
async def test_the_whole_fetch_has_one_limit_of_time(site: Site, path: str) -> None:
    with pytest.raises(FetchFailed, match=r"within 0\.5 s"):
        await fetch(site.url(path), site.guard(), Limits(total_s=0.5))


async def test_a_server_that_is_not_there_may_come_back(site: Site) -> None:
    guard = Guard((*site.guard().allow, *(each for each in Site(port=9).guard().allow)))
    with pytest.raises(FetchFailed, match="no connection"):
        await fetch("http://127.0.0.1:9/", guard)


async def test_a_name_is_connected_at_the_address_that_was_checked(site: Site) -> None:
    """A second answer to the same name is never asked for: rebinding changes nothing."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(_host: str, _port: int) -> list[str]:
        return next(answers)

    guard = Guard(site.guard().allow, resolve)
    found = await fetch(site.url("/page", "name.example"), guard)
    assert (found.status, site.asked[0][1]["Host"]) == (200, f"name.example:{site.port}")
    with pytest.raises(FetchRefused, match="not on the public internet"):
        await fetch(site.url("/page", "name.example"), guard)
    assert len(site.asked) == 1


async def test_a_name_that_leads_inside_is_refused_without_a_connection(site: Site) -> None:
    guard = Guard((), site.guard(evil_example="127.0.0.1").resolve)
    with pytest.raises(FetchRefused):
        await fetch("http://evil.example/page", guard)
    assert site.asked == []


async def test_other_statuses_come_without_a_body_and_with_the_pause_asked_for(site: Site) -> None:
    assert await fetch(site.url("/none"), site.guard()) == Fetched(site.url("/none"), 404)
    assert await fetch(site.url("/busy"), site.guard()) == Fetched(site.url("/busy"), 429, retry_after_s=7)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("0", 0),
        ("12", 12),
        ("999999999999", 3600),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60),
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == seconds


# --- robots.txt ------------------------------------------------------------------------------------------------------


async def test_a_site_without_robots_txt_allows_everything_and_is_asked_once(site: Site) -> None:
    robots = Robots(site.guard())
    for path in ("/page", "/other"):
        await robots.require(URL(site.url(path)))
    assert [path for path, _ in site.asked] == ["/robots.txt"]


@pytest.mark.parametrize(
    ("rules", "open_page"),
    [
        ("User-agent: *\nDisallow: /private", True),
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: Rowmill\nDisallow: /\n\nUser-agent: *\nAllow: /", False),
        ("User-agent: other\nDisallow: /", True),
        ("\x00\xff nonsense", True),
    ],
)
async def test_a_site_may_exclude_programs(site: Site, rules: str, open_page: bool) -> None:
    site.robots = rules
    robots = Robots(site.guard())
    if open_page:
        await robots.require(URL(site.url("/page")))
    else:
        with pytest.raises(RobotsRefuse, match=r"robots\.txt"):
            await robots.require(URL(site.url("/page")))


async def test_rules_are_asked_for_again_after_an_hour(site: Site) -> None:
    now = 0.0
    clock: Callable[[], float] = lambda: now  # noqa: E731 - a clock that the test turns
    robots = Robots(site.guard(), clock)
    await robots.require(URL(site.url("/page")))
    site.robots, now = "User-agent: *\nDisallow: /", 3599.0
    await robots.require(URL(site.url("/page")))
    now = 3601.0
    with pytest.raises(RobotsRefuse):
        await robots.require(URL(site.url("/page")))
