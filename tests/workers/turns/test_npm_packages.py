"""The unmodified npm packages against our server: @electric-sql/client 1.5 and, inside pglite-sync, 1.0."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from tests.running import Database
from tests.serving import Client, Site, running_site
from tests.workers.turns.estate import Estate
from tests.workers.turns.noding import Program, needs_node, node

pytestmark = needs_node
DDL = """
create table properties (id uuid primary key, property_id text, name text, street_address text, city text, state text,
    is_active boolean, is_core boolean, property_manager_id uuid, version int);
create table turns (id uuid primary key, turn_id text, property_id uuid, stage_id uuid, vendor_id uuid,
    turn_amount numeric(10, 2), approval_status text, version int);
create table vendors (id uuid primary key, name text, is_approved boolean);
create table turn_stages (id uuid primary key, name text, display_order int, is_active boolean);
"""
COLUMNS = {
    "properties": "id property_id name street_address city state is_active is_core property_manager_id version",
    "turns": "id turn_id property_id stage_id vendor_id turn_amount approval_status version",
    "vendors": "id name is_approved",
    "turn_stages": "id name display_order is_active",
}
SHAPES = [{"table": table, "params": {"columns": names.split()}} for table, names in COLUMNS.items()]


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with running_site(database, domains=("workers.turns",), shape_poll_s=3.0) as running:
        yield running


async def as_person(site: Site, estate: Estate, role: str) -> Client:
    """A client whose token is that of a person of this role."""
    await estate.person(role)
    email = await estate.db.fetchval("select email from users where id = $1", estate.people[role])
    return await site.client("operate", email=email, create_user=False)


def asked(site: Site, client: Client, **more: Any) -> dict[str, Any]:
    assert client.token is not None
    return {"url": f"{site.served.url}/v1/shape", "token": client.token.secret, **more}


def names(line: dict[str, Any], column: str = "wo_number") -> list[Any]:
    return sorted((row[column] for row in line.get("rows", [])), key=str)


@pytest.mark.parametrize("live_sse", [False, True], ids=["long poll", "sse"])
async def test_a_shape_follows_every_change(site: Site, estate: Estate, live_sse: bool) -> None:
    manager, turn = await as_person(site, estate, "PROPERTY_MANAGER"), await estate.turn(wo_number="one")
    params = {"table": "turns", "where": "wo_number like $1", "params": ["o%"]}
    async with node("follow.mjs", **asked(site, manager, params=params, liveSse=live_sse)) as following:
        await following.until(lambda line: names(line) == ["one"])
        other = await estate.turn(wo_number="other")
        await following.until(lambda line: names(line) == ["one", "other"])
        await estate.set(turn, wo_number="two")
        await following.until(lambda line: names(line) == ["other"])
        await estate.set(other, wo_number="only", turn_amount=Decimal("1.50"))
        line = await following.until(lambda line: names(line) == ["only"])
        assert line["rows"][0]["turn_amount"] == "1.50"
        await estate.set(other, is_active=False)
        await following.until(lambda line: names(line) == [])


@pytest.mark.parametrize("method", ["insert", "json"])
async def test_pglite_holds_the_documents_four_shapes(site: Site, estate: Estate, method: str) -> None:
    manager, turn = await as_person(site, estate, "PROPERTY_MANAGER"), await estate.turn(turn_amount=Decimal("12.30"))
    async with node("pglite.mjs", **asked(site, manager, ddl=DDL, shapes=SHAPES, method=method)) as client:
        line = await client.until(lambda line: all(line.get("tables", {}).values()))
        tables = line["tables"]
        assert {name: len(rows) for name, rows in tables.items()} == {
            "properties": 1,
            "turns": 1,
            "vendors": 1,
            "turn_stages": 5,
        }
        assert (tables["turns"][0]["turn_amount"], tables["properties"][0]["city"]) == ("12.30", None)
        async with estate.db.transaction():
            await estate.set(turn, turn_amount=Decimal(99))
            await estate.turn(turn_id="T-2")
        line = await client.until(lambda line: len(line.get("tables", {}).get("turns", [])) == 2)
        assert {row["turn_amount"] for row in line["tables"]["turns"]} == {"99.00", None}
        await estate.db.execute("delete from turns where id = $1", turn)
        await client.until(lambda line: len(line.get("tables", {}).get("turns", [])) == 1)
        assert [line for line in client.lines if "rejected" in line or "error" in line] == []


async def test_pglite_goes_on_after_a_restart_where_it_was(site: Site, estate: Estate, tmp_path: Any) -> None:
    manager = await as_person(site, estate, "PROPERTY_MANAGER")
    own = asked(site, manager, shapes=[SHAPES[1]], dir=str(tmp_path / "pg"))
    await estate.turn(turn_id="T-1")
    async with node("pglite.mjs", **own, ddl=DDL) as client:
        await client.until(lambda line: len(line.get("tables", {}).get("turns", [])) == 1)
        await stopped(client)
    await estate.turn(turn_id="T-2")
    async with node("pglite.mjs", **own) as client:
        first = await client.until(lambda line: "tables" in line)
        assert [row["turn_id"] for row in first["tables"]["turns"]] == ["T-1"]
        await client.until(lambda line: len(line.get("tables", {}).get("turns", [])) == 2)


async def stopped(client: Program) -> None:
    assert client.process.stdin is not None
    client.process.stdin.close()
    await asyncio.wait_for(client.process.wait(), 20)


@pytest.mark.parametrize("live_sse", [False, True], ids=["long poll", "sse"])
async def test_a_truncate_makes_every_follower_start_anew(site: Site, estate: Estate, live_sse: bool) -> None:
    manager = await as_person(site, estate, "PROPERTY_MANAGER")
    await estate.turn(wo_number="old")
    async with node("follow.mjs", **asked(site, manager, params={"table": "turns"}, liveSse=live_sse)) as following:
        first = await following.until(lambda line: names(line) == ["old"])
        async with estate.db.transaction():
            await estate.db.execute("truncate turns")
            await estate.turn(wo_number="new")
        line = await following.until(lambda line: names(line) == ["new"])
        assert line["handle"] != first["handle"]
        assert len(line["rows"]) == 1


async def test_an_altered_table_makes_every_follower_start_anew(site: Site, estate: Estate) -> None:
    manager = await as_person(site, estate, "PROPERTY_MANAGER")
    await estate.turn(wo_number="one")
    async with node("follow.mjs", **asked(site, manager, params={"table": "turns"})) as following:
        await following.until(lambda line: names(line) == ["one"])
        await estate.db.execute("alter table turns add column note text default 'new'")
        await following.until(lambda line: names(line) == ["one"] and line["rows"][0].get("note") == "new")
        await estate.db.execute("update turns set note = 'changed'")
        await following.until(lambda line: line["rows"] and line["rows"][0].get("note") == "changed")


async def test_a_wrong_condition_or_token_ends_the_stream_with_its_status(site: Site, estate: Estate) -> None:
    manager = await as_person(site, estate, "PROPERTY_MANAGER")
    async with node("follow.mjs", **asked(site, manager, params={"table": "turns", "where": "1 x 1"})) as wrong:
        assert await wrong.until(lambda line: "error" in line) == {"error": 400}
    stranger = {**asked(site, manager, params={"table": "turns"}), "token": "rowmill_nobody"}
    async with node("follow.mjs", **stranger) as wrong:
        assert await wrong.until(lambda line: "error" in line) == {"error": 401}
