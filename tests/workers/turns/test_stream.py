"""Server-sent events, message by message: what a client that reconnects, lags or is cut off gets to see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from core.db.connect import Connection
from tests.running import Database, until
from tests.workers.turns.shaping import Dev, Follower, developing


@pytest.fixture
async def items(db: Connection) -> Connection:
    await db.execute("create table items (id int primary key, title text)")
    return db


class Stream:
    """One response, read line by line."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def line(self) -> str | None:
        """The next line that is not empty; None at the end."""
        async with asyncio.timeout(20):
            while text := await self.answer.content.readline():
                if text.strip():
                    return text.decode().strip()
        return None

    async def group(self) -> list[dict[str, Any]]:
        """Messages up to the next up-to-date."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["headers"].get("control") != "up-to-date":
            text = await self.line()
            assert text is not None
            if not text.startswith(":"):
                found.append(json.loads(text.removeprefix("data: ")))
        return found


@asynccontextmanager
async def streaming(dev: Dev, follower: Follower, offset: str | None = None) -> AsyncIterator[Stream]:
    query = {**follower.params, "handle": follower.handle or "", "offset": offset or follower.offset}
    async with dev.session.get(dev.url, params={**query, "live": "true", "live_sse": "true"}) as answer:
        yield Stream(answer)


async def test_a_stream_has_the_headers_that_a_client_dies_without(dev: Dev, items: Connection) -> None:
    follower = await dev.follower(table="items").catch_up()
    async with streaming(dev, follower) as stream:
        headers = stream.answer.headers
        assert (stream.answer.status, stream.answer.content_type) == (200, "text/event-stream")
        assert {"electric-handle", "electric-offset", "electric-cursor", "electric-schema"} <= {
            name.lower() for name in headers
        }
        assert (headers["x-accel-buffering"], headers["cache-control"]) == ("no", "public, max-age=59")


async def test_who_reconnects_behind_a_transaction_does_not_see_it_again(dev: Dev, items: Connection) -> None:
    """A client makes its offset of the number in up-to-date: everything up to there was seen."""
    follower = await dev.follower(table="items").catch_up()
    async with streaming(dev, follower) as stream:
        await items.execute("insert into items values (1, 'a'), (2, 'b'), (3, 'c')")
        first = await stream.group()
    assert [each["headers"].get("operation") for each in first] == ["insert", "insert", "insert", None]
    assert [each["headers"].get("last", False) for each in first[:3]] == [False, False, True]
    seen = first[-1]["headers"]["global_last_seen_lsn"]
    async with streaming(dev, follower, f"{seen}_0") as stream:
        await items.execute("update items set title = 'd' where id = 3")
        second = await stream.group()
    assert [each["headers"].get("operation") for each in second] == ["update", None]


async def test_a_quiet_stream_is_kept_alive_and_ends_after_its_time(items: Connection, database: Database) -> None:
    async with developing(database, keep_alive_s=0.1, stream_s=0.5) as dev:
        follower = await dev.follower(table="items").catch_up()
        async with streaming(dev, follower) as stream:
            lines = []
            while (text := await stream.line()) is not None:
                lines.append(text)
    assert set(lines) == {": keep-alive"}
    assert len(lines) >= 2


async def test_a_shape_that_ends_closes_the_stream_and_the_next_request_hears_why(dev: Dev, items: Connection) -> None:
    follower = await dev.follower(table="items").catch_up()
    async with streaming(dev, follower) as stream:
        await items.execute("truncate items")
        assert await stream.line() is None
    async with streaming(dev, follower) as stream:
        assert stream.answer.status == 409
        assert stream.answer.headers["electric-handle"] != follower.handle
        assert await stream.answer.json(content_type=None) == [{"headers": {"control": "must-refetch"}}]


async def test_a_reader_that_goes_away_leaves_no_waiter(dev: Dev, items: Connection) -> None:
    follower = await dev.follower(table="items").catch_up()

    async def waiting(count: int) -> bool:
        return dev.shapes.tail.waiting == count

    async with streaming(dev, follower):
        await until(lambda: waiting(1))
    await until(lambda: waiting(0))


async def test_a_server_that_stops_lets_streams_and_polls_go(items: Connection, database: Database) -> None:
    async with developing(database, poll_s=30.0) as dev:
        follower = await dev.follower(table="items").catch_up()
        poll = asyncio.create_task(follower.step(live=True))
        async with streaming(dev, follower) as stream:

            async def both_wait() -> bool:
                return dev.shapes.tail.waiting == 2

            await until(both_wait)
            begun = asyncio.get_running_loop().time()
            dev.shapes.tail.stop()
            assert await stream.line() is None
            await poll
            assert asyncio.get_running_loop().time() - begun < 5


async def test_a_subset_of_a_shape_that_is_gone_starts_anew(dev: Dev, items: Connection) -> None:
    follower = await dev.follower(table="items").catch_up()
    await dev.ask("DELETE", handle=follower.handle or "")
    asked = {**follower.params, "offset": follower.offset, "handle": follower.handle or ""}
    reply = await dev.get(**asked, subset__limit="1", subset__order_by="id")
    assert (reply.status, reply.headers["electric-handle"] != follower.handle) == (409, True)
