"""One client cannot take more than its share, and hears so in a sentence with the next step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import aiohttp
import pytest

from tests.running import Database, until
from tests.serving import Client, Reply, Site, running_site
from tests.toy.http import GATES, HOLDING


@pytest.fixture
async def tight(database: Database) -> AsyncIterator[Site]:
    """A server with narrow limits."""
    limits: dict[str, Any] = {"pool_max": 4, "web_connection_wait_s": 0.2, "web_sockets": 2}
    async with running_site(database, **limits) as site:
        yield site
    GATES.clear()
    HOLDING.clear()


@pytest.fixture
async def slow(database: Database) -> AsyncIterator[Site]:
    """A server that takes one request a second of each token."""
    async with running_site(database, web_rate=1) as site:
        yield site


async def asked_at_once(client: Client, count: int) -> list[Reply]:
    return list(await asyncio.gather(*(client.get("/api/operators") for _ in range(count))))


async def test_a_token_that_asks_too_fast_is_told_when_to_come_back(slow: Site) -> None:
    client, other = await slow.client("read"), await slow.client("read")
    replies = await asked_at_once(client, 30)
    slowed = [reply for reply in replies if reply.status == 429]
    assert len(slowed) > 15
    assert "limit is 1 requests" in slowed[0].refusal(429, "too_many_requests")["message"]
    assert int(slowed[0].headers["Retry-After"]) >= 1
    (await other.get("/api/operators")).ok()  # its own bucket


async def test_guessing_tokens_is_slowed_too(slow: Site) -> None:
    guesses = await asyncio.gather(*(slow.stranger().get("/api/operators") for _ in range(30)))
    assert {reply.status for reply in guesses} == {401, 429}


async def test_guesses_shut_nobody_out_who_was_let_in(slow: Site) -> None:
    """Behind a proxy all come from one address."""
    known = await slow.client("read")
    (await known.get("/api/operators")).ok()
    for _ in range(30):
        await slow.stranger().get("/api/operators")
    assert (await slow.stranger().get("/api/operators")).status == 429
    (await known.get("/api/operators")).ok()
    await slow.db.execute("update api_tokens set revoked_at = now()")
    assert (await known.get("/api/operators")).status in {401, 429}
    assert (await known.get("/api/operators")).status == 429


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused(site: Site, chunked: bool) -> None:
    client = await site.client("operate")
    big = b'{"task_type": "toy.note", "payload": {"note": "' + b"x" * 70_000 + b'"}}'

    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(big), 10_000):
            yield big[at : at + 10_000]

    reply = await client.post(
        "/api/tasks", data=parts() if chunked else big, headers={"Content-Type": "application/json"}
    )
    assert "64,000 bytes" in reply.refusal(413, "too_large")["message"]
    assert await site.db.fetchval("select count(*) from task_queue") == 0


async def test_a_route_may_take_more_where_it_needs_to(site: Site) -> None:
    client = await site.client("operate")
    assert (await client.post("/api/toy/files", {"content": "x" * 150_000})).ok() == {"length": 150_000}
    (await client.post("/api/toy/files", {"content": "x" * 250_000})).refusal(413, "too_large")


async def test_headers_have_a_limit(site: Site) -> None:
    client = await site.client("read")
    reply = await client.get("/api/workers", headers={f"X-{n}": "x" * 6000 for n in range(3)})
    reply.refusal(431, "headers_too_large")
    assert (await client.get("/api/workers", headers={"X-Long": "x" * 20_000})).status == 400  # aiohttp's own


async def test_a_page_has_between_1_and_200_rows(site: Site) -> None:
    client = await site.client("read")
    for limit in ("0", "201", "-1", "ten", "1e3", ""):
        assert (await client.get(f"/api/tasks?limit={limit}")).refusal(400)["field"] == "limit"


async def test_a_request_that_takes_too_long_is_ended(site: Site) -> None:
    client = await site.client("read")
    assert "0.2 s" in (await client.get("/api/toy/slow")).refusal(504, "too_slow")["message"]


async def test_a_pool_without_a_free_connection_says_so(tight: Site) -> None:
    client = await tight.client("read")
    pool = tight.served.shell.pool
    async with asyncio.TaskGroup() as group:
        holding = []
        for held in range(pool.count):  # one by one: each needs a free connection to show its token first
            holding.append(group.create_task(client.get("/api/toy/hold/pool")))
            await until(partial(_holding, held + 1), what="one more connection held")
        (await client.get("/healthz")).ok()
        error = (await client.get("/api/operators")).refusal(503, "pool_exhausted")
        assert "ROWMILL_POOL_MAX" in error["message"]
        GATES["pool"].set()
    assert [task.result().status for task in holding] == [200] * len(holding)
    assert (pool.in_use, pool.exhausted) == (0, 1)


async def _holding(count: int) -> bool:
    return len(HOLDING) == count


async def test_sockets_are_counted(tight: Site) -> None:
    client = await tight.client("read")
    url = f"{tight.served.url}/api/toy/echo/a"
    async with tight.session.ws_connect(url, headers=client.headers) as first:
        await first.receive_str()
        async with tight.session.ws_connect(url, headers=client.headers):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await tight.session.ws_connect(url, headers=client.headers)
            assert refused.value.status == 503
        await until(lambda: _fewer(tight), what="a free place")
        async with tight.session.ws_connect(url, headers=client.headers) as third:
            assert await third.receive_str()


async def _fewer(site: Site) -> bool:
    return len(site.served.shell.sockets) < 2


async def test_a_socket_address_without_an_upgrade_says_what_it_is(site: Site) -> None:
    client = await site.client("read")
    (await client.get("/api/toy/echo/a")).refusal(426, "not_a_websocket")
