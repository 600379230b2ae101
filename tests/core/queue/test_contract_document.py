"""docs/sql-contract.md is true: its SQL runs, its refusals are refused, and what it names exists."""

from __future__ import annotations

import re

import asyncpg
import pytest

from core.db.connect import Connection
from core.settings import PROJECT
from tests.running import Workers, all_ended

DOCUMENT = (PROJECT / "docs" / "sql-contract.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sql(?: (RM\d{3}))?\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


async def run(db: Connection, script: str) -> str | None:
    """The SQLSTATE of a script's refusal."""
    try:
        await db.execute(script)
    except asyncpg.PostgresError as error:
        return error.sqlstate
    return None


async def test_every_example_runs_in_order_and_ends_as_the_page_says(db: Connection, workers: Workers) -> None:
    first = await workers.start("toy.set", "toy.act")
    await first.stop()  # what it has published stays, and the examples' tasks wait
    assert len(BLOCKS) > 10
    for sqlstate, script in BLOCKS:
        assert (script, await run(db, script)) == (script, sqlstate or None)
    await db.execute("update task_queue set scheduled_for = now()")
    await workers.start("toy.set", "toy.note", "toy.act")
    await all_ended(db)
    assert await db.fetch("select id from task_queue where status <> 'completed'") == []
    order = "select exists (select from task_queue where dedupe_key = 'order 1' and payload ->> 'value' = '12.50')"
    assert await db.fetchval(order)


@pytest.mark.parametrize("table", ["task_queue", "rowmill.task_types", "robot_input_events"])
async def test_every_column_the_page_names_exists(db: Connection, table: str) -> None:
    section = re.search(rf"\*\*`{re.escape(table)}`\*\*(.*?)(?=\n\*\*`|\n## )", DOCUMENT, re.DOTALL)
    assert section is not None
    columns = {
        row["attname"]
        for row in await db.fetch(
            "select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 0", table
        )
    }
    text = section[1]
    if table == "task_queue":
        text = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
        engine_only = {"leader_id", "cancel_asked_at"}
        assert set(re.findall(r"`(\w+)`", text)) == columns - engine_only
    elif table == "rowmill.task_types":
        named = set(re.findall(r"`(\w+)`", text)) - {"priority", "max_attempts"}
        assert named == columns
    else:
        assert set(re.findall(r"`(\w+)`", text)) <= columns


async def test_every_function_the_page_names_exists_and_needs_no_right_on_the_tables(db: Connection) -> None:
    named = set(re.findall(r"`(\w+)\([^`]*\)(?: returns \w+)?`", DOCUMENT))
    found = await db.fetch(
        "select proname, prosecdef from pg_proc where pronamespace = 'public'::regnamespace and proname = any ($1)",
        list(named),
    )
    assert named == {row["proname"] for row in found}
    assert all(row["prosecdef"] for row in found)
    assert len(named) == 14
