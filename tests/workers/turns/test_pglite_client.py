"""The schema for PGlite (sql/client) under the real pglite-sync: guards, tracking, conflicts, the write queue."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from core.settings import PROJECT
from tests.running import Database, until
from tests.serving import Client, Site, running_site
from tests.workers.turns.estate import Estate
from tests.workers.turns.noding import Program, needs_node, node
from workers.turns.client.model import TABLES

pytestmark = needs_node
DDL = "".join(file.read_text(encoding="utf-8") for file in sorted((PROJECT / "sql" / "client").glob("*.sql")))
SHAPES = [{"table": "turns", "params": {"columns": list(TABLES["turns"])}}]


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with running_site(database, domains=("workers.turns",), shape_poll_s=2.0) as running:
        yield running


@pytest.fixture
async def manager(site: Site, estate: Estate) -> Client:
    email = await estate.db.fetchval("select email from users where id = $1", estate.people["PROPERTY_MANAGER"])
    return await site.client("operate", email=email, create_user=False)


@asynccontextmanager
async def pglite(site: Site, manager: Client, rows: int = 1) -> AsyncIterator[Program]:
    assert manager.token is not None
    asked = {"url": f"{site.served.url}/v1/shape", "token": manager.token.secret, "ddl": DDL, "shapes": SHAPES}
    async with node("pglite.mjs", **asked, keepsUnsent=True) as client:
        await client.until(lambda line: len(turns(line)) == rows, "the first rows")
        yield client
        assert [line for line in client.lines if "rejected" in line] == []


def turns(line: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = line.get("tables", {}).get("turns", [])
    return found


async def collected(client: Program) -> list[dict[str, Any]]:
    rows = await client.sql("select sync_collect('turns', '0 s') as operation")
    return [row["operation"] for row in rows or []]


async def settled(client: Program, answer: dict[str, Any]) -> str:
    text = json.dumps(answer).replace("'", "''")
    [row] = await client.sql(f"select sync_answered('turns', '{text}') as status") or []
    return str(row["status"])


async def sent(client: Program, manager: Client) -> list[str]:
    """What page/sync.js does: collect, post, settle."""
    answers = (await manager.post("/api/write/turns", await collected(client))).ok()
    return [await settled(client, answer) for answer in answers]


async def row_of(client: Program) -> dict[str, Any]:
    [row] = await client.sql("select * from turns") or []
    return row


async def test_what_the_sync_writes_is_no_local_change(site: Site, estate: Estate, manager: Client) -> None:
    turn = await estate.turn(wo_number="one")
    async with pglite(site, manager) as client:
        await estate.set(turn, wo_number="two")
        line = await client.until(lambda line: turns(line) and turns(line)[0]["wo_number"] == "two")
        assert (turns(line)[0]["_synced"], turns(line)[0]["_modified_columns"]) == (True, None)


async def test_a_local_insert_meets_its_echo(site: Site, estate: Estate, manager: Client) -> None:
    """Without the guard the sync would lose the whole batch for ever."""
    new = uuid4()
    async with pglite(site, manager, rows=0) as client:
        await client.sql(
            f"insert into turns (id, turn_id, property_id, stage_id) values ('{new}', 'T-1', '{estate.property_id}', "
            f"'{estate.stages['Moved out']}')"
        )
        await estate.turn(id=new, turn_id="T-1")
        await estate.turn(turn_id="T-2")
        line = await client.until(lambda line: len(turns(line)) == 2)
        assert {row["turn_id"] for row in turns(line)} == {"T-1", "T-2"}


async def test_an_offline_edit_is_sent_and_settled(site: Site, estate: Estate, manager: Client) -> None:
    turn = await estate.turn()
    async with pglite(site, manager) as client:
        await client.sql("update turns set wo_number = 'mine', turn_amount = 5")
        row = await row_of(client)
        assert (row["_synced"], sorted(row["_modified_columns"])) == (False, ["turn_amount", "wo_number"])
        assert await sent(client, manager) == ["applied"]
        row = await row_of(client)
        assert (row["_synced"], row["version"], row["turn_amount"]) == (True, 2, "5.00")
        assert (await estate.row(turn))["wo_number"] == "mine"


async def test_an_edit_made_while_one_is_under_way_is_sent_next(site: Site, estate: Estate, manager: Client) -> None:
    turn = await estate.turn()
    async with pglite(site, manager) as client:
        await client.sql("update turns set wo_number = 'a'")
        rows = await client.sql("select sync_collect('turns', '0 s') as operation") or []
        await client.sql("update turns set wo_number = 'b', turn_amount = 3")
        [answer] = (await manager.post("/api/write/turns", [rows[0]["operation"]])).ok()
        await client.until(lambda line: turns(line) and turns(line)[0]["_remote"] is not None, "the echo")
        text = json.dumps(answer).replace("'", "''")
        await client.sql(f"select sync_answered('turns', '{text}') as status")
        row = await row_of(client)
        assert (row["wo_number"], sorted(row["_modified_columns"])) == ("b", ["turn_amount", "wo_number"])
        assert await sent(client, manager) == ["applied"]
        assert (await estate.row(turn))["wo_number"] == "b"


async def test_an_edit_behind_the_one_under_way_outlives_a_row_that_goes_meanwhile(
    site: Site, estate: Estate, manager: Client
) -> None:
    turn = await estate.turn()
    async with pglite(site, manager) as client:
        await client.sql("update turns set wo_number = 'a'")
        [operation] = await collected(client)
        await client.sql("update turns set wo_number = 'b'")
        [answer] = (await manager.post("/api/write/turns", [operation])).ok()
        await estate.db.execute("delete from turns where id = $1", turn)
        await client.until(lambda line: turns(line) and turns(line)[0]["_remote"] is False, "that the row has gone")
        assert await settled(client, answer) == "applied"
        row = await row_of(client)
        assert (row["wo_number"], row["_conflict_data"]["_row"]["remote"]) == ("b", None)


@pytest.mark.parametrize(("by", "expected"), [("local", "mine"), ("remote", "theirs")])
async def test_a_clash_asks_a_person(site: Site, estate: Estate, manager: Client, by: str, expected: str) -> None:
    turn = await estate.turn(wo_number="base")
    async with pglite(site, manager) as client:
        await client.sql("update turns set wo_number = 'mine', turn_amount = 5")
        await estate.set(turn, wo_number="theirs")
        line = await client.until(lambda line: turns(line) and turns(line)[0]["_conflict_data"])
        assert turns(line)[0]["_conflict_data"] == {"wo_number": {"base": "base", "local": "mine", "remote": "theirs"}}
        assert await sent(client, manager) == []
        await client.sql(f"select sync_resolve('turns', '{turn}', '{by}')")
        assert await sent(client, manager) == ["applied"]
        row = await estate.row(turn)
        assert (row["wo_number"], str(row["turn_amount"])) == (expected, "5.00")
        assert (await row_of(client))["_synced"] is True


async def test_a_stale_write_is_a_conflict_that_merges_what_does_not_clash(
    site: Site, estate: Estate, manager: Client
) -> None:
    turn = await estate.turn(wo_number="base")
    async with pglite(site, manager) as client:
        await client.sql("update turns set turn_amount = 5")
        rows = await client.sql("select sync_collect('turns', '0 s') as operation") or []
        await estate.set(turn, wo_number="theirs")
        [answer] = (await manager.post("/api/write/turns", [rows[0]["operation"]])).ok()
        assert answer["status"] == "conflict"
        text = json.dumps(answer).replace("'", "''")
        await client.sql(f"select sync_answered('turns', '{text}') as status")
        assert await sent(client, manager) == ["applied"]
        row = await estate.row(turn)
        assert (row["wo_number"], str(row["turn_amount"])) == ("theirs", "5.00")


async def test_a_deleted_row_is_out_of_sight_until_the_server_has_taken_it(
    site: Site, estate: Estate, manager: Client
) -> None:
    await estate.turn()
    async with pglite(site, manager) as client:
        await client.sql("delete from turns")
        row = await row_of(client)
        assert (row["_deleted"], row["_synced"]) == (True, False)
        assert await sent(client, manager) == ["applied"]
        assert await client.sql("select * from turns") == []
        assert await estate.db.fetchval("select count(*) from turns") == 0


@pytest.mark.parametrize("strategy", ["user", "remote", "merge"])
async def test_a_shape_that_starts_anew_keeps_what_is_not_sent(
    site: Site, estate: Estate, manager: Client, strategy: str
) -> None:
    one, _ = await estate.turn(turn_id="T-1", wo_number="base"), await estate.turn(turn_id="T-2")
    async with pglite(site, manager, rows=2) as client:
        await client.sql(f"update sync_settings set strategy = '{strategy}'")
        await client.sql(f"update turns set turn_amount = 5 where id = '{one}'")
        await client.sql(
            "insert into turns (id, turn_id, property_id, stage_id) "
            f"values ('{uuid4()}', 'T-3', '{estate.property_id}', '{estate.stages['Moved out']}')"
        )
        async with estate.db.transaction():
            await estate.db.execute("alter table turns add column note text")
            await estate.set(one, wo_number="theirs")
        await client.until(lambda line: "refetch" in line, "the shape begun anew")

        async def is_whole() -> bool:
            rows = await client.sql("select * from turns") or []
            return len(rows) == 3 and any(row["wo_number"] == "theirs" for row in rows)

        await until(is_whole, what="all rows, as they are now")
        rows = {row["turn_id"]: row for row in await client.sql("select * from turns") or []}
        assert set(rows) == {"T-1", "T-2", "T-3"}
        assert (rows["T-1"]["turn_amount"], rows["T-1"]["wo_number"]) == ("5.00", "theirs")
        assert sorted(await sent(client, manager)) == ["applied", "applied"]


async def test_a_refused_edit_says_why_and_waits_for_the_next_one(site: Site, estate: Estate, manager: Client) -> None:
    await estate.turn()
    async with pglite(site, manager) as client:
        await client.sql(f"update turns set stage_id = '{estate.stages['Scoped']}'")
        assert await sent(client, manager) == ["refused"]
        assert (await row_of(client))["_sync_error"].startswith("amount_needed: ")
        assert await sent(client, manager) == []
        await client.sql("update turns set turn_amount = 1")
        assert await sent(client, manager) == ["applied"]


async def test_a_refused_row_has_what_the_shape_told_while_the_answer_was_under_way(
    site: Site, estate: Estate, manager: Client
) -> None:
    turn = await estate.turn()
    async with pglite(site, manager) as client:
        await client.sql(f"update turns set stage_id = '{estate.stages['Scoped']}'")
        [answer] = (await manager.post("/api/write/turns", await collected(client))).ok()
        await estate.set(turn, wo_number="theirs")
        await client.until(
            lambda line: turns(line) and turns(line)[0]["_remote"] is not None, "the other side's change"
        )
        assert await settled(client, answer) == "refused"
        row = await row_of(client)
        assert (row["wo_number"], row["version"], row["_modified_columns"]) == ("theirs", 2, ["stage_id"])
        assert row["_sync_error"].startswith("amount_needed: ")


async def test_an_edit_of_a_clock_that_was_set_back_since_is_sent_too(
    site: Site, estate: Estate, manager: Client
) -> None:
    await estate.turn()
    async with pglite(site, manager) as client:
        await client.sql("update turns set wo_number = 'mine'")
        hour = "select sync_collect('turns', '1 h') as operation"
        assert await client.sql(hour) == []
        await client.sql("update turns set _local_modified_at = '2999-01-01'")
        assert len(await client.sql(hour) or []) == 1


async def test_an_edit_begins_on_what_the_row_is_and_not_on_what_the_last_edit_left(
    site: Site, estate: Estate, manager: Client
) -> None:
    turn = await estate.turn()
    async with pglite(site, manager) as client:
        await client.sql("update turns set turn_amount = 5")
        assert await sent(client, manager) == ["applied"]
        await estate.set(turn, wo_number="theirs")
        await client.until(lambda line: turns(line) and turns(line)[0]["version"] == 3, "the other side's change")
        await client.sql("update turns set wo_number = 'mine'")
        [operation] = await collected(client)
        assert operation["base_version"] == 3
        [answer] = (await manager.post("/api/write/turns", [operation])).ok()
        assert (answer["status"], await settled(client, answer)) == ("applied", "applied")


async def test_a_refused_row_that_is_deleted_is_deleted_on_the_server_too(
    site: Site, estate: Estate, manager: Client
) -> None:
    await estate.turn()
    async with pglite(site, manager) as client:
        await client.sql(f"update turns set stage_id = '{estate.stages['Scoped']}'")
        assert await sent(client, manager) == ["refused"]
        await client.sql("delete from turns")
        assert await sent(client, manager) == ["applied"]
        assert await client.sql("select * from turns") == []
        assert await estate.db.fetchval("select count(*) from turns") == 0


@pytest.mark.parametrize("by", ["local", "remote", "delete"])
async def test_a_decision_about_a_refused_row_in_conflict_is_sent(
    site: Site, estate: Estate, manager: Client, by: str
) -> None:
    turn = await estate.turn(wo_number="base")
    async with pglite(site, manager) as client:
        await client.sql(f"update turns set wo_number = 'mine', stage_id = '{estate.stages['Scoped']}'")
        assert await sent(client, manager) == ["refused"]
        await estate.set(turn, wo_number="theirs", turn_amount=Decimal(9))
        await client.until(lambda line: turns(line) and turns(line)[0]["_conflict_data"], "the conflict")
        await client.sql("delete from turns" if by == "delete" else f"select sync_resolve('turns', '{turn}', '{by}')")
        assert await sent(client, manager) == ["applied"]
        left = await estate.db.fetch("select wo_number from turns")
        assert [row["wo_number"] for row in left] == {"local": ["mine"], "remote": ["theirs"], "delete": []}[by]
