"""The protocol, request by request: offsets, handles, headers, caches, chunks, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from core.db.connect import Connection
from tests.running import Database, until
from tests.workers.turns.shaping import Dev, developing
from workers.turns.rules.asked import MOST_ROWS

TABLE = "create table items (id int primary key, title text, n int)"


@pytest.fixture
async def items(db: Connection) -> Connection:
    await db.execute(TABLE)
    return db


async def fill(db: Connection, rows: int, first: int = 1, size: int = 100) -> None:
    query = "insert into items select g, repeat('x', $3), g from generate_series($1::int, $2::int) g"
    await db.execute(query, first, first + rows - 1, size)


def kinds(body: list[dict[str, Any]]) -> list[str]:
    return [each["headers"].get("control") or each["headers"]["operation"] for each in body]


async def test_an_empty_shape_begins_with_a_snapshot_of_nothing(dev: Dev, items: Connection) -> None:
    reply = await dev.get(table="items", offset="-1")
    assert (reply.status, kinds(reply.body), reply.headers["electric-offset"]) == (200, ["snapshot-end"], "0_0")
    assert "electric-up-to-date" not in reply.headers
    assert json.loads(reply.headers["electric-schema"])["id"] == {"type": "int4", "not_null": True, "pk_index": 1 - 1}
    again = await dev.get(table="items", offset="0_0", handle=reply.headers["electric-handle"])
    assert (kinds(again.body), again.headers["electric-up-to-date"]) == (["up-to-date"], "")
    assert "electric-cursor" not in again.headers
    assert again.body[0]["headers"]["global_last_seen_lsn"].isdecimal()


async def test_chunks_of_a_snapshot_can_be_asked_for_again_and_out_of_order(dev: Dev, items: Connection) -> None:
    await fill(items, 50)
    first = await dev.get(table="items", offset="-1")
    handle, bodies = first.headers["electric-handle"], [first.body]
    offset = first.headers["electric-offset"]
    while "electric-up-to-date" not in (reply := await dev.get(table="items", offset=offset, handle=handle)).headers:
        bodies.append(reply.body)
        offset = reply.headers["electric-offset"]
        assert 1500 < len(json.dumps(reply.body)) < 3500 or "snapshot-end" in kinds(reply.body)
    assert sum(kinds(body).count("insert") for body in bodies) == 50
    assert (await dev.get(table="items", offset="0_1", handle=handle)).body == bodies[2]


async def test_a_follower_goes_on_between_chunks_while_writes_go_on(dev: Dev, items: Connection) -> None:
    await fill(items, 60)
    follower = dev.follower(table="items")
    await follower.step()
    await items.execute("update items set title = 'changed' where id % 2 = 0; delete from items where id % 3 = 0")
    await follower.step()
    await fill(items, 5, first=100)
    await follower.catch_up()
    assert {int(row["id"] or 0) for row in follower.rows.values()} == {
        row["id"] for row in await items.fetch("select id from items")
    }


async def test_one_transaction_larger_than_a_chunk_is_given_in_parts(dev: Dev, items: Connection) -> None:
    first = await dev.get(table="items", offset="-1")
    handle, offset = first.headers["electric-handle"], "0_0"
    async with items.transaction():
        await fill(items, 40)
    ids, lasts, offsets = [], [], []
    for _ in range(30):
        reply = await dev.get(table="items", offset=offset, handle=handle)
        changes = [each for each in reply.body if "operation" in each["headers"]]
        ids += [int(each["value"]["id"]) for each in changes]
        lasts += [each["headers"].get("last", False) for each in changes]
        offset = reply.headers["electric-offset"]
        offsets.append(offset)
        if "electric-up-to-date" in reply.headers:
            break
    assert ids == list(range(1, 41))
    assert lasts == [False] * 39 + [True]
    assert len(offsets) > 3
    assert all(not each.endswith("_0") for each in offsets[:-1])


async def test_offsets_that_nobody_can_stand_at_are_refused(items: Connection, database: Database) -> None:
    async with developing(database, poll_s=0.2) as dev:
        first = await dev.get(table="items", offset="-1")
        handle = first.headers["electric-handle"]
        for offset in ("garbage", "-2", "1_", "_1", "99999999999999999999_0", "1.5_0", ""):
            reply = await dev.get(table="items", offset=offset, handle=handle)
            assert (reply.status, list(reply.body["errors"])) == (400, ["offset"]), offset
        beyond = await dev.get(table="items", offset=f"{2**62}_0", handle=handle)
        assert beyond.body["errors"] == {"offset": ["out of bounds for this shape"]}
        assert (await dev.get(table="items", offset="0_inf", handle=handle)).status == 200
        assert (await dev.get(table="items", offset="5_0", handle=handle)).status == 409
        assert (await dev.get(table="items", offset="0_0")).body["errors"] == {
            "handle": ["can't be blank when offset != -1"]
        }
        for offset in ("-1", "now"):
            assert (await dev.get(table="items", offset=offset, live="true")).status == 400
        assert (await dev.get(table="items", offset="0_0", handle=handle, live_sse="true")).status == 400


async def test_now_skips_what_there_is(dev: Dev, items: Connection) -> None:
    await fill(items, 3)
    follower = dev.follower(table="items")
    follower.offset = "now"
    await follower.step()
    await fill(items, 1, first=9)
    await follower.catch_up()
    assert [row["id"] for row in follower.values] == ["9"]


async def test_only_changes_begin_with_no_rows(dev: Dev, items: Connection) -> None:
    await fill(items, 3)
    first = await dev.get(table="items", offset="-1", log="changes_only")
    assert kinds(first.body) == ["snapshot-end"]


async def test_the_same_definition_has_the_same_handle_and_another_one_is_told_apart(
    dev: Dev, items: Connection
) -> None:
    one = await dev.get(table="items", offset="-1", where="n  =  $1", params__1="5", columns="id,title")
    two = await dev.get(table="public.items", offset="-1", where="N = $1", params__1="5", columns='"title","id"')
    assert one.headers["electric-handle"] == two.headers["electric-handle"]
    three = await dev.get(
        table="items", offset="0_0", handle=one.headers["electric-handle"], where="n = $1", params__1="6"
    )
    assert (three.status, kinds(three.body)) == (409, ["must-refetch"])
    assert three.headers["electric-handle"] != one.headers["electric-handle"]
    assert (await dev.get(table="items", offset="0_0", handle=three.headers["electric-handle"])).status == 409


async def test_full_replica_tells_whole_rows_and_old_values(dev: Dev, items: Connection) -> None:
    await fill(items, 1, size=1)
    follower = dev.follower(table="items", replica="full")
    await follower.catch_up()
    await items.execute("update items set title = 'b'")
    reply = await dev.get(table="items", replica="full", offset=follower.offset, handle=follower.handle or "")
    assert reply.body[0]["value"] == {"id": "1", "title": "b", "n": "1"}
    assert reply.body[0]["old_value"] == {"title": "x"}
    await items.execute("delete from items")
    reply = await dev.get(
        table="items", replica="full", offset=reply.headers["electric-offset"], handle=follower.handle or ""
    )
    assert reply.body[0]["value"] == {"id": "1", "title": "b", "n": "1"}


async def test_a_changed_key_is_a_delete_and_an_insert(dev: Dev, items: Connection) -> None:
    await fill(items, 2)
    follower = await dev.follower(table="items").catch_up()
    await items.execute(
        "alter table items drop constraint items_pkey; alter table items add primary key (id) deferrable"
    )
    follower = await dev.follower(table="items").catch_up()
    await items.execute("update items set id = 3 - id")
    reply = await dev.get(table="items", offset=follower.offset, handle=follower.handle or "")
    assert kinds(reply.body) == ["delete", "insert", "delete", "insert", "up-to-date"]
    places = [each["headers"]["op_position"] for each in reply.body[:-1]]
    assert places == sorted(set(places))
    assert reply.body[0]["headers"]["key_change_to"] == reply.body[1]["key"]


async def test_keys_hold_any_text_and_tables_without_a_key_are_followed(dev: Dev, db: Connection) -> None:
    await db.execute(
        'create schema "my.schema"; create table "my.schema"."odd/table" (a text, "B" text, primary key (a, "B"))'
    )
    await db.execute("create table keyless (a text, b int)")
    await db.execute(
        """insert into "my.schema"."odd/table" values ('a/b', 'ü"'); insert into keyless values (null, 1)"""
    )
    odd = await dev.get(table='"my.schema"."odd/table"', offset="-1")
    assert odd.body[0]["key"] == '"my..schema"."odd//table"/"a//b"/"ü""'
    assert odd.body[0]["value"] == {"a": "a/b", "B": 'ü"'}
    keyless = await dev.get(table="keyless", offset="-1")
    assert keyless.body[0]["key"] == '"public"."keyless"/_/"1"'


async def test_caches_may_keep_what_never_changes(dev: Dev, items: Connection) -> None:
    await fill(items, 1)
    first = await dev.get(table="items", offset="-1")
    assert first.headers["cache-control"] == "public, max-age=604800, s-maxage=3600, stale-while-revalidate=2629746"
    known = await dev.get({"If-None-Match": first.headers["etag"]}, table="items", offset="-1")
    assert (known.status, known.body) == (304, None)
    later = await dev.get(table="items", offset="0_0", handle=first.headers["electric-handle"])
    assert later.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=3"
    assert later.headers["etag"] != first.headers["etag"]
    wrong = await dev.get(table="items", offset="0_0", handle="no-such-handle")
    assert (wrong.status, wrong.headers["cache-control"]) == (409, "public, max-age=60, must-revalidate")
    assert (await dev.get(table="nothing", offset="-1")).headers["cache-control"] == "no-store"


async def test_live_answers_have_a_cursor_that_moves(items: Connection, database: Database) -> None:
    async with developing(database, poll_s=0.3) as dev:
        follower = await dev.follower(table="items").catch_up()
        seen: list[str] = []
        for _ in range(3):
            reply = await dev.get(
                table="items",
                offset=follower.offset,
                handle=follower.handle or "",
                live="true",
                cursor=seen[-1] if seen else "",
            )
            assert kinds(reply.body) == ["up-to-date"]
            assert reply.headers["cache-control"] == "public, max-age=5, stale-while-revalidate=5"
            seen.append(reply.headers["electric-cursor"])
        assert len(set(seen)) == 3


async def test_every_answer_lets_other_pages_read_it(dev: Dev, items: Connection) -> None:
    for query in ({"table": "items", "offset": "-1"}, {"table": "none", "offset": "-1"}, {}):
        reply = await dev.get({"Origin": "http://a.example"}, **query)
        assert reply.headers["access-control-allow-origin"] == "http://a.example"
        assert "electric-offset" in reply.headers["access-control-expose-headers"]
    asked = await dev.ask("OPTIONS", {"Access-Control-Request-Headers": "authorization"})
    assert (asked.status, asked.headers["access-control-allow-headers"]) == (204, "authorization")


async def test_a_thousand_waiters_are_released_by_one_write(items: Connection, database: Database) -> None:
    async with developing(database, poll_s=60.0) as dev:  # they take seconds to come on a busy machine
        follower = await dev.follower(table="items").catch_up()
        query = {"table": "items", "offset": follower.offset, "handle": follower.handle or "", "live": "true"}

        async def waiting(count: int) -> bool:
            return dev.shapes.tail.waiting == count

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def wait() -> int:
                async with session.get(dev.url, params=query) as answer:
                    return len(await answer.json())

            waiters = [asyncio.create_task(wait()) for _ in range(1000)]
            await until(lambda: waiting(1000), what="1,000 waiters")
            await fill(items, 1)
            assert set(await asyncio.gather(*waiters)) == {2}
        await until(lambda: waiting(0), what="no waiter left behind")


async def test_a_client_that_goes_away_leaves_no_waiter(dev: Dev, items: Connection) -> None:
    follower = await dev.follower(table="items").catch_up()
    live = asyncio.create_task(follower.step(live=True))

    async def waiting(count: int) -> bool:
        return dev.shapes.tail.waiting == count

    await until(lambda: waiting(1))
    live.cancel()
    await until(lambda: waiting(0))


async def test_two_processes_agree_and_a_forced_refresh_is_never_behind(
    dev: Dev, items: Connection, database: Database
) -> None:
    async with developing(database) as other:
        follower = await dev.follower(table="items").catch_up()
        live = asyncio.create_task(follower.step(live=True))
        await fill(items, 1)
        await live
        reply = await other.get(table="items", offset=follower.offset, handle=follower.handle or "")
        assert int(reply.body[-1]["headers"]["global_last_seen_lsn"]) >= follower.lsn
        fresh = await other.get(table="items", offset="-1")
        assert fresh.headers["electric-handle"] == follower.handle
        waiting = asyncio.create_task(other.follower(table="items").catch_up())
        assert (await waiting).values == follower.values


async def test_a_shape_dropped_in_one_process_ends_in_the_other(
    dev: Dev, items: Connection, database: Database
) -> None:
    async with developing(database) as other:
        follower = await dev.follower(table="items").catch_up()
        before, live = follower.handle, asyncio.create_task(follower.step(live=True))
        assert (await other.ask("DELETE", handle=before or "")).status == 202
        await live
        assert follower.handle != before


async def test_a_dropped_and_new_table_of_the_name_is_another_one(dev: Dev, items: Connection) -> None:
    await fill(items, 2)
    follower = await dev.follower(table="items").catch_up()
    live = asyncio.create_task(follower.step(live=True))
    await items.execute("drop table items; create table items (id int primary key, other text)")
    await live
    await items.execute("insert into items values (7, 'new')")
    await follower.catch_up()
    assert follower.values == [{"id": "7", "other": "new"}]


@pytest.mark.parametrize("live", [False, True])
async def test_who_was_away_for_longer_than_the_log_starts_anew(dev: Dev, items: Connection, live: bool) -> None:
    follower = await dev.follower(table="items").catch_up()
    await fill(items, 1, first=9)
    await follower.catch_up()  # it stands in the log now, no more in the snapshot
    await fill(items, 3)
    await items.execute("select sync_move()")
    await items.execute("delete from sync_feed; update sync_head set pruned = lsn")
    pruned = await items.fetchval("select pruned from sync_head")

    async def known() -> bool:
        return bool(dev.shapes.tail.pruned == pruned)

    await until(known)
    await follower.step(live=live)
    assert follower.offset == "-1"
    await follower.catch_up()
    assert len(follower.rows) == 4


async def test_a_lost_chunk_of_a_snapshot_starts_anew(dev: Dev, items: Connection) -> None:
    """Chunks are unlogged: a crash of the server empties their table."""
    await fill(items, 50)
    follower = dev.follower(table="items")
    await follower.step()
    await items.execute("truncate sync_chunks")
    await follower.step()
    assert follower.offset == "-1"
    await follower.catch_up()
    assert len(follower.rows) == 50


async def test_a_subset_says_which_transactions_it_shows(dev: Dev, items: Connection) -> None:
    await fill(items, 20, size=1)
    follower = await dev.follower(table="items", where="n > 5").catch_up()
    query = {"table": "items", "where": "n > 5", "offset": follower.offset, "handle": follower.handle or ""}
    reply = await dev.get(
        **query, subset__where="n < $1", subset__params='{"1": "12"}', subset__limit="3", subset__order_by="n desc"
    )
    assert [row["value"]["n"] for row in reply.body["data"]] == ["11", "10", "9"]
    assert (reply.headers["electric-snapshot"], reply.headers["electric-offset"]) == ("true", follower.offset)
    assert int(reply.body["metadata"]["database_lsn"]) > follower.lsn
    assert (await dev.get(**query, subset__limit="3")).status == 400
    assert (await dev.get(**query, subset__order_by="n; drop table items", subset__limit="1")).status == 400


async def test_a_subset_without_a_limit_does_not_take_a_large_table_into_the_server(
    dev: Dev, items: Connection
) -> None:
    await fill(items, MOST_ROWS + 1, size=1)
    query = {"table": "items", "log": "changes_only"}
    refused = await dev.get(**query, subset__order_by="n")
    assert (refused.status, refused.body["errors"]) == (
        400,
        {"subset": ["a subset has at most 100,000 rows; give order_by and limit"]},
    )
    whole = await dev.get(**query, subset__where="n <= 100000")
    assert (whole.status, len(whole.body["data"])) == (200, MOST_ROWS)


async def test_what_postgresql_does_not_take_is_a_clear_refusal(dev: Dev, items: Connection) -> None:
    for condition in ("n = 'five'", "title", "n like 'a'", "id = '2020-01-01'::date"):
        reply = await dev.get(table="items", offset="-1", where=condition)
        assert (reply.status, list(reply.body["errors"])) == (400, ["where"]), condition
    assert (await dev.get(table="items", offset="-1", columns="title")).status == 400
    assert (await dev.get(table="items", offset="-1", columns="id,nothing")).status == 400
    assert (await dev.get(table="users", offset="-1")).status == 400


TYPES = {
    "f4": ("float4", "1.1"), "f8": ("float8", "NaN"), "num": ("numeric(20, 4)", "12345678901234.5"),
    "big": ("int8", "9007199254740993"), "bp": ("char(5)", "ab"),
    "ts": ("timestamptz", "2026-03-01 10:00:00.123456+02"),
    "dt": ("date", "infinity"), "iv": ("interval", "1 year 2 days 03:04:05"), "by": ("bytea", "\\xdeadbeef"),
    "arr": ("text[]", '{a,"b c",NULL}'), "js": ("jsonb", '{"b": 1, "a": [true, null]}'), "j": ("json", '{"b":  1}'),
    "bo": ("bool", "t"), "ti": ("timetz", "10:00+02"), "tx": ("text", "a\r\nb"), "em": ("text", ""),
}  # fmt: skip


async def test_a_value_looks_the_same_in_the_snapshot_and_in_the_log(
    dev: Dev, database: Database, db: Connection
) -> None:
    """However odd the settings of the session that wrote it."""
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in TYPES.items())
    await db.execute(f"create table types (id int primary key, {columns})")
    early = await dev.follower(table="types").catch_up()
    odd = await database.connect(
        datestyle="German, DMY", timezone="Asia/Kolkata", intervalstyle="sql_standard", extra_float_digits="-3",
        bytea_output="escape",
    )  # fmt: skip
    marks = ", ".join("'" + text.replace("'", "''") + "'" for _, text in TYPES.values())
    await odd.execute(f"insert into types values (1, {marks})")
    await odd.execute("insert into types (id) values (2)")
    await early.catch_up()
    late = dev.follower(table="types", columns=",".join(["id", *TYPES]), where="id > 0")
    await late.catch_up()
    assert early.values == late.values
    row = early.rows['"public"."types"/"1"']
    assert (row["bp"], row["iv"], row["by"], row["ts"]) == (
        "ab   ",
        "P1Y2DT3H4M5S",
        "\\xdeadbeef",
        "2026-03-01 08:00:00.123456+00",
    )


async def test_a_shape_is_dropped_by_its_handle_or_its_table_and_not_by_anothers(dev: Dev, items: Connection) -> None:
    await items.execute("create table others (id int primary key)")
    first = await dev.get(table="items", offset="-1")
    handle = first.headers["electric-handle"]
    wrong = await dev.ask("DELETE", table="others", handle=handle)
    assert (wrong.status, wrong.body["errors"]) == (400, {"handle": ["is of a shape of another table"]})
    assert (await dev.ask("DELETE")).body["errors"] == {"table": ["can't be blank"]}
    assert (await dev.ask("DELETE", table="nowhere")).status == 400
    dropped = await dev.ask("DELETE", table="items", handle=handle)
    assert (dropped.status, dropped.body) == (202, [])
    assert (await dev.ask("DELETE", handle=handle)).status == 404
    await dev.get(table="items", offset="-1")
    assert (await dev.ask("DELETE", table="items")).status == 202
    assert (await dev.ask("DELETE", table="items")).status == 404
