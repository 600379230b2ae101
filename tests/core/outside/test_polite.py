"""A fetch takes one turn at each host it comes to, and none without waiting for it."""

from __future__ import annotations

import pytest

from core.outside.fetch import Limits
from core.outside.polite import MustWait, Web
from tests.core.outside.sites import Site


class Turns:
    """Buckets with one token for each limit, and what was taken of them."""

    def __init__(self, *empty: str) -> None:
        self.taken = list(empty)

    async def wait(self, name: str, _per_s: float, burst: float) -> float:
        if self.taken.count(name) >= burst:
            return 1.0
        self.taken.append(name)
        return 0.0


def web_of(site: Site) -> Web:
    return Web(site.guard(other_example="127.0.0.1"), Limits(), per_s=1, burst=1, robots=None)


async def test_redirects_on_a_host_belong_to_the_turn_that_was_taken_there(site: Site) -> None:
    """What begins anew when one token exists could never pay for a second."""
    web, turns = web_of(site), Turns()
    await web.take_turn(site.url("/hop"), turns.wait)
    found = await web.fetch(site.url("/hop"), turns.wait)
    assert (found.url, found.redirects, turns.taken) == (site.url("/page"), 2, ["host:127.0.0.1"])


async def test_a_redirect_to_another_host_takes_one_turn_there_or_waits_for_it(site: Site) -> None:
    web, address = web_of(site), site.url(f"/to/?http://other.example:{site.port}/hop")
    turns = Turns("host:127.0.0.1")
    found = await web.fetch(address, turns.wait)
    assert (found.redirects, turns.taken) == (3, ["host:127.0.0.1", "host:other.example"])
    site.asked.clear()
    with pytest.raises(MustWait, match=r"other\.example"):
        await web.fetch(address, turns.wait)
    assert [path for path, _ in site.asked] == ["/to/"]
