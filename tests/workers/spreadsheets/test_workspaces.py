"""Two workspaces, one worker with the worker's role: whatever is forged, nothing crosses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.db.connect import Connection, Slots
from core.errors import CommandRefused
from core.queue.commit.commands import Command, Commands
from core.queue.commit.transaction import Transaction
from core.settings import Settings
from tests.logins import Login, MakeLogin
from tests.running import Workers, all_ended, ended, enqueue, until
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet, make_sheet
from workers.spreadsheets.model import SetCell

A, B = UUID(int=0xA), UUID(int=0xB)
TYPES = (TRANSFORM, "spreadsheets.import_file", "spreadsheets.export_file")
SHEET_TABLES = (
    "spreadsheets",
    "sheet_columns",
    "column_inputs",
    "cells",
    "cell_edit_events",
    "sheet_edit_events",
    "sheet_cells",
)
APP = """
grant select, insert, update, delete on spreadsheets, sheet_columns, column_inputs, cells to {role};
grant select on cell_edit_events, sheet_edit_events, audit_events, sheet_cells to {role};
grant usage on sequence rowmill.version to {role}
"""
CROSSINGS = """
select count(*) from cell_edit_events e
join spreadsheets s on s.id = e.spreadsheet_id
join task_queue t on t.id = e.task_id
where t.workspace_id is distinct from s.workspace_id
"""


@dataclass(slots=True)
class Sides:
    """The same sheet in both workspaces: columns A, B and `Up`, which is made of A."""

    a: Sheet
    b: Sheet

    def each(self) -> tuple[Sheet, Sheet]:
        return self.a, self.b


async def sheet_of(db: Connection, workspace: UUID) -> Sheet:
    await db.execute("insert into workspaces (id, name) values ($1, 'one of two')", workspace)
    made = await make_sheet(db, "A", "B")
    await db.execute("update spreadsheets set workspace_id = $2 where id = $1", made.id, workspace)
    await made.derive("Up", ["A"])
    return made


@pytest.fixture
async def sides(db: Connection) -> Sides:
    return Sides(await sheet_of(db, A), await sheet_of(db, B))


@pytest.fixture
async def worker_login(login: MakeLogin) -> Login:
    return await login("rowmill_worker")


def folder(files: Path, workspace: UUID) -> Path:
    """A workspace's own, made where it is not there yet."""
    made = files / "workspaces" / str(workspace)
    made.mkdir(parents=True, exist_ok=True)
    return made


async def forge(db: Connection, sides: Sides, victim: UUID) -> list[UUID]:
    """What a producer of A could put into the queue about B's sheet: A's workspace, B's ids in payload and key."""
    payloads: list[tuple[str, dict[str, Any], str | None]] = [
        (TRANSFORM, {"cell_id": str(victim)}, None),
        (TRANSFORM, {"cell_id": str(victim)}, f"cell:{victim}"),
        ("spreadsheets.import_file", {"spreadsheet_id": str(sides.b.id), "file": "forged.csv"}, None),
        ("spreadsheets.export_file", {"spreadsheet_id": str(sides.b.id), "file": "stolen.csv"}, None),
    ]
    return [
        await enqueue(db, task_type, payload, concurrency_key=key, workspace_id=A, priority=90)
        for task_type, payload, key in payloads
    ]


async def test_nothing_crosses(
    sides: Sides, db: Connection, worker_login: Login, workers: Workers, files: Path
) -> None:
    (folder(files, A) / "forged.csv").write_text("A,B,Planted\nforged,forged,forged\n")
    for name, sheet, workspace in (("a", sides.a, A), ("b", sides.b, B)):
        text = "".join(["A\n", *(f"{name}{at}\n" for at in range(50))])
        (folder(files, workspace) / f"{name}.csv").write_text(text)
        await enqueue(
            db,
            "spreadsheets.import_file",
            {"spreadsheet_id": str(sheet.id), "file": f"{name}.csv"},
            workspace_id=workspace,
        )
    for row in range(1, 101):
        for sheet in sides.each():
            await sheet.write("A", row, f"text {row}")
    victim = (await sides.b.cell("Up", 1))["id"]
    forged = await forge(db, sides, victim)
    await workers.start(*TYPES, dsn=worker_login.dsn)
    await all_ended(db)

    for sheet in sides.each():
        assert (await sheet.contents("Up"))[:100] == [f"TEXT {row}" for row in range(1, 101)]
        assert await db.fetchval("select max(row_number) from cells where spreadsheet_id = $1", sheet.id) == 150
    rows = await db.fetch("select status, error_message from task_queue where id = any ($1)", forged)
    assert sum("there is no spreadsheet" in (row["error_message"] or "") for row in rows) == 2
    assert await db.fetchval("select count(*) from cell_edit_events where task_id = any ($1)", forged) == 0
    assert await db.fetchval("select count(*) from cell_edit_events where new_content = 'forged'") == 0
    assert await db.fetchval("select count(*) from sheet_columns where title = 'Planted'") == 0
    assert list(files.rglob("stolen.csv")) == []
    assert await db.fetchval(CROSSINGS) == 0
    ours = "select count(*) from task_queue where status <> 'completed' and coalesce(parent_id, id) <> all ($1)"
    assert await db.fetchval(ours, forged) == 0


async def test_no_workspace_reaches_files_of_another_or_of_the_installation(
    sides: Sides, db: Connection, worker_login: Login, workers: Workers, files: Path
) -> None:
    async def tried(kind: str, sheet: Sheet, file: str, workspace: UUID) -> tuple[str, str]:
        payload = {"spreadsheet_id": str(sheet.id), "file": file}
        row = await ended(db, await enqueue(db, f"spreadsheets.{kind}_file", payload, workspace_id=workspace))
        return row["status"], row["error_message"] or ""

    (files / "plain.csv").write_text("A\nof the default workspace\n")
    await workers.start(*TYPES, dsn=worker_login.dsn)
    assert (await tried("export", sides.a, "a.csv", A))[0] == "completed"
    assert [each.relative_to(files) for each in files.rglob("a.csv")] == [Path("workspaces", str(A), "a.csv")]
    for name in ("a.csv", "plain.csv"):
        assert "does not exist" in (await tried("import", sides.b, name, B))[1]
    for name in (f"../{A}/a.csv", f"workspaces/{A}/a.csv", "work-orders/1.xlsx", "blobs/sha256/ab", "mail/1.eml"):
        for kind in ("import", "export"):
            status, told = await tried(kind, sides.b, name, B)
            assert (status, "folder" in told) == ("failed", True), name


async def test_witness_the_owner_is_bound_by_no_policy_and_serves_the_forgery(
    sides: Sides, db: Connection, workers: Workers, files: Path
) -> None:
    """An installation whose workers log in as the owner is one workspace: the contract says so."""
    (folder(files, A) / "forged.csv").write_text("A,B,Planted\nforged,forged,forged\n")
    await sides.b.write("A", 1, "text")
    await forge(db, sides, (await sides.b.cell("Up", 1))["id"])
    await workers.start(*TYPES)
    await all_ended(db)
    assert await db.fetchval("select count(*) from sheet_columns where title = 'Planted'") == 1
    assert (folder(files, A) / "stolen.csv").exists()
    assert await db.fetchval(CROSSINGS) > 0


async def test_a_forged_task_of_a_cell_does_not_take_its_neighbours_along(
    sides: Sides, db: Connection, worker_login: Login, workers: Workers
) -> None:
    """Tasks of one key are claimed as one run: never those of two workspaces, or B's task would end as A's did."""
    await sides.b.write("A", 1, "text")
    victim = (await sides.b.cell("Up", 1))["id"]
    forged = await enqueue(
        db, TRANSFORM, {"cell_id": str(victim)}, concurrency_key=f"cell:{victim}", workspace_id=A, priority=100
    )
    await workers.start(TRANSFORM, dsn=worker_login.dsn)
    await all_ended(db)
    assert await sides.b.content("Up", 1) == "TEXT"
    assert await db.fetchval("select count(*) from task_queue where leader_id = $1", forged) == 0


async def test_a_row_that_a_policy_refuses_ends_its_task_and_blocks_nobody(
    sides: Sides, db: Connection, worker_login: Login, workers: Workers, files: Path
) -> None:
    """A plain insert names a sheet without locking it: it is the policy that says no, and that is the task's fault."""
    (folder(files, A) / "a.csv").write_text("New\nx\n")
    await db.execute(
        """create function move() returns trigger language plpgsql as $$
        begin
            new.spreadsheet_id := (
                select id from spreadsheets where workspace_id <> rowmill.current_workspace() limit 1);
            return new;
        end $$;
        create trigger move before insert on sheet_columns for each row execute function move();
        alter function move() security definer"""
    )
    payload = {"spreadsheet_id": str(sides.a.id), "file": "a.csv"}
    worker = await workers.start(*TYPES, dsn=worker_login.dsn)
    bad = await ended(
        db, await enqueue(db, "spreadsheets.import_file", payload, workspace_id=A, max_attempts=1), limit_s=20
    )
    assert (bad["status"], "row-level security" in bad["error_message"]) == ("failed", True)
    assert [pool.committer.blocked for pool in worker.worker.pools] == [None] * len(TYPES)


async def test_a_task_without_a_workspace_belongs_to_the_default_one(
    db: Connection, worker_login: Login, workers: Workers, files: Path
) -> None:
    sheet = await make_sheet(db, "A")
    await sheet.write("A", 1, "text")
    await workers.start(*TYPES, dsn=worker_login.dsn)
    payload = {"spreadsheet_id": str(sheet.id), "file": "own.csv"}
    assert (await ended(db, await enqueue(db, "spreadsheets.export_file", payload)))["status"] == "completed"
    assert "text" in (files / "own.csv").read_text()


# --- sessions of an application --------------------------------------------------------------------------------------


@pytest.fixture
async def session(login: MakeLogin) -> AsyncIterator[Connection]:
    """A login of an application's own role, as the contract grants it."""
    connection: Connection = await asyncpg.connect((await login(grants=APP)).dsn)
    yield connection
    await connection.close()


async def workspaces_seen(session: Connection, table: str) -> int:
    found: int = await session.fetchval(f"select count(*) from {table}")
    return found


async def filled(sides: Sides) -> None:
    for sheet in sides.each():
        await sheet.write("A", 1, "text")
        await sheet.edit("A", 1, "edited")
    await sides.a.db.execute(
        "insert into audit_events (workspace_id, entity, entity_id, action) values ($1, 'e', '1', 'a'), "
        "($2, 'e', '1', 'a')",
        A,
        B,
    )


async def test_a_session_sees_its_workspace_and_without_one_nothing(
    sides: Sides, db: Connection, session: Connection
) -> None:
    await filled(sides)
    tables = (*SHEET_TABLES, "audit_events")
    all_rows = {table: await workspaces_seen(db, table) for table in tables}
    assert {table: await workspaces_seen(session, table) for table in tables} == dict.fromkeys(tables, 0)
    for workspace, sheet in ((A, sides.a), (B, sides.b)):
        async with session.transaction():
            await session.execute(f"set local app.workspace_id = '{workspace}'")
            seen = {table: await workspaces_seen(session, table) for table in tables}
            assert seen == {table: count // 2 for table, count in all_rows.items()}
            assert await session.fetchval("select array_agg(id) from spreadsheets") == [sheet.id]
            assert await session.fetchval("select count(*) from cells where spreadsheet_id <> $1", sheet.id) == 0
    assert {table: await workspaces_seen(session, table) for table in tables} == dict.fromkeys(tables, 0)


async def test_a_function_in_a_condition_sees_no_row_of_the_other_side(
    sides: Sides, db: Connection, session: Connection
) -> None:
    """A cheap function runs early: the view's barrier and the policies keep other rows from it."""
    await filled(sides)
    await db.execute(
        "create function public.tell(t text) returns boolean language plpgsql cost 0.0000001 as "
        "$$ begin raise notice 'saw %', t; return true; end $$"
    )
    heard: list[str] = []
    session.add_log_listener(lambda _, message: heard.append(str(message)))
    await session.execute(f"set app.workspace_id = '{A}'")
    await sides.b.edit("A", 1, "of the other side")
    for table in ("sheet_cells", "cells"):
        await session.fetch(f"select id from {table} where tell(content)")
    await asyncio.sleep(0)
    assert heard
    assert [line for line in heard if "other side" in line] == []


async def test_a_session_writes_to_its_workspace_alone(sides: Sides, db: Connection, session: Connection) -> None:
    await filled(sides)
    before = await db.fetchval("select array_agg(c order by c.id) from cells c where spreadsheet_id = $1", sides.b.id)
    await session.execute(f"set app.workspace_id = '{A}'")
    assert await session.execute("update cells set content = 'x' where spreadsheet_id = $1", sides.b.id) == "UPDATE 0"
    assert await session.execute("delete from cells where spreadsheet_id = $1", sides.b.id) == "DELETE 0"
    assert await session.execute("update spreadsheets set name = 'x' where id = $1", sides.b.id) == "UPDATE 0"
    intrusions = (
        ("insert into cells (spreadsheet_id, column_id, row_number) values ($1, $2, 9)", sides.b.columns["A"]),
        ("update cells set spreadsheet_id = $1 where column_id = $2", sides.a.columns["A"]),
        ("insert into sheet_columns (id, spreadsheet_id, position, title) values ($2, $1, 9, 't')", uuid4()),
        ("update spreadsheets set workspace_id = $1 where id = $2", sides.a.id),
    )
    for statement, other in intrusions:
        first = B if "workspace_id" in statement else sides.b.id
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await session.execute(statement, first, other)
    after = await db.fetchval("select array_agg(c order by c.id) from cells c where spreadsheet_id = $1", sides.b.id)
    assert before == after


async def test_a_plain_edit_of_an_application_is_audited_and_fills_in_what_depends_on_it(
    sides: Sides, db: Connection, session: Connection, worker_login: Login, workers: Workers
) -> None:
    """With the grants of the contract and nothing more: the triggers do the rest as their owner."""
    await sides.a.write("A", 1, "text")
    await workers.start(TRANSFORM, dsn=worker_login.dsn)
    async with session.transaction():
        await session.execute(f"set local app.workspace_id = '{A}'")
        await session.execute("update cells set content = 'edited' where column_id = $1", sides.a.columns["A"])

    async def shown() -> bool:
        return await sides.a.content("Up", 1) == "EDITED"

    await until(shown)
    newest = await db.fetchrow("select * from cell_edit_events where new_content = 'edited'")
    assert newest is not None
    assert newest["sql_user"].startswith("login")


# --- commands and cost -----------------------------------------------------------------------------------------------


async def test_a_command_of_one_workspace_does_not_reach_the_other(sides: Sides, worker_login: Login) -> None:
    await filled(sides)
    theirs, ours = (await sides.b.cell("A", 1))["id"], (await sides.a.cell("A", 1))["id"]
    slots = Slots(worker_login.dsn, Settings(), "command", 1)
    commands = Commands(slots, "workers.spreadsheets")
    try:
        with pytest.raises(CommandRefused, match="its row is gone"):
            await commands.apply(Command(uuid4(), sides.a.owner_id, "edit", [SetCell(theirs, "x")], workspace_id=A))
        edit = Command(uuid4(), sides.a.owner_id, "edit", [SetCell(ours, "mine")], workspace_id=A)
        assert (await commands.apply(edit)).written
    finally:
        await slots.close()
    assert (await sides.b.content("A", 1), await sides.a.content("A", 1)) == ("edited", "mine")


async def sent(monkeypatch: pytest.MonkeyPatch, run: Any) -> list[str]:
    """What a worker sends while it works, besides its looking around."""
    statements: list[str] = []
    opening = Transaction._opening

    def noted(self: Transaction, batch: Any) -> str:
        statements.append(text := opening(self, batch))
        return text

    monkeypatch.setattr(Transaction, "_opening", noted)
    fetch = asyncpg.Connection.fetch

    async def fetched(self: Connection, query: str, *values: Any, **others: Any) -> Any:
        if "select i.ord" in query:
            path = "inside" if self.is_in_transaction() else "alone"
            statements.append(path)
        return await fetch(self, query, *values, **others)

    monkeypatch.setattr(asyncpg.Connection, "fetch", fetched)
    await run()
    return statements


@pytest.mark.parametrize("bound", [False, True])
async def test_the_owner_pays_no_round_trip_and_a_bound_worker_none_in_a_commit(
    sides: Sides, db: Connection, worker_login: Login, workers: Workers, monkeypatch: pytest.MonkeyPatch, bound: bool
) -> None:
    """The workspace goes out with BEGIN. Reads stand alone for the owner, and in a transaction where a policy binds."""

    async def run() -> None:
        await sides.a.write("A", 1, "text")
        await workers.start(TRANSFORM, dsn=worker_login.dsn if bound else None)
        await all_ended(db)

    statements = await sent(monkeypatch, run)
    openings = [text for text in statements if "begin" in text]
    reads = [text for text in statements if text in {"inside", "alone"}]
    assert openings
    assert all((f"set local app.workspace_id = '{A}'" in text) is bound for text in openings)
    assert ("alone" in reads) is not bound
    assert json.dumps(openings).count("app.workspace_id") == (len(openings) if bound else 0)
