"""Values of many types through the real pglite-sync, in the snapshot and in the log; and a PGlite that comes back after
a restore of the server."""

from __future__ import annotations

from typing import Any

import pytest

from core.cli.recovered import recover
from core.db.connect import Connection
from core.domains import discover
from tests.workers.turns.noding import Program, needs_node, node
from tests.workers.turns.shaping import Dev

pytestmark = needs_node
DDL = """create table kinds (id int primary key, big bigint, exact numeric(20, 6), at timestamptz, day date,
    flag boolean, padded char(5), empty text, lines text, listed int[], document jsonb)"""
ROW = """9007199254740993, 12.500000, 'infinity', '2026-02-28', false, 'ab', '', E'a\\r\\nb"c\\\\', '{1,NULL,3}',
    '{"a": [1, "x"]}'"""
AS_TEXT = """select string_agg(concat_ws('|', big, exact, at, day, flag, '<' || padded || '>', '<' || empty || '>',
    replace(replace(lines, E'\\r', 'R'), E'\\n', 'N'), listed, document), E'\\n' order by id) as told from kinds"""


def shown(line: dict[str, Any]) -> list[Any]:
    found: list[Any] = line.get("tables", {}).get("kinds", [])
    return found


async def told(client: Program) -> Any:
    [row] = await client.sql(AS_TEXT) or []
    return row["told"]


@pytest.mark.parametrize("method", ["json", "insert"])
async def test_a_value_arrives_as_it_is_in_the_snapshot_and_in_the_log(dev: Dev, db: Connection, method: str) -> None:
    await db.execute(DDL)
    await db.execute(f"insert into kinds values (1, {ROW})")
    asked = {"url": dev.url, "ddl": DDL, "shapes": [{"table": "kinds"}], "method": method}
    async with node("pglite.mjs", **asked) as client:
        await client.until(lambda line: len(shown(line)) == 1, "the snapshot")
        await db.execute(f"insert into kinds values (2, {ROW})")
        await db.execute("insert into kinds (id) values (3)")
        await client.until(lambda line: len(shown(line)) == 3, "the log")
        assert await told(client) == await db.fetchval(AS_TEXT)
        assert [line for line in client.lines if "rejected" in line or "error" in line] == []


async def test_a_pglite_from_before_a_restore_recovers(dev: Dev, db: Connection, tmp_path: Any) -> None:
    await db.execute("create table kinds (id int primary key)")
    await db.execute("insert into kinds values (1), (2)")
    asked = {"url": dev.url, "shapes": [{"table": "kinds"}], "dir": str(tmp_path / "pg")}
    async with node("pglite.mjs", **asked, ddl="create table kinds (id int primary key)") as client:
        await client.until(lambda line: len(shown(line)) == 2)
        await db.execute("insert into kinds values (3)")
        await client.until(lambda line: len(shown(line)) == 3)
        await db.execute("delete from kinds where id = 3")  # the backup did not have it
        await recover(db, discover(["workers.turns"]))
        await db.execute("insert into kinds values (4)")
        line = await client.until(lambda line: [row["id"] for row in shown(line)] == [1, 2, 4])
        assert len(shown(line)) == 3
