"""kill -9 between and inside the steps of sessions: real workers, real commands; each step's effects are there once."""

from __future__ import annotations

import signal
from pathlib import Path
from uuid import UUID

from core.db.connect import Connection
from tests.processes.programs import Programs
from tests.running import Database, OwnProcess, Workers, until
from tests.workers.spreadsheets.sessions import comes_to, fill, found_in, session_row, start
from tests.workers.spreadsheets.sheets import Sheet, make_sheet

ROWS = 12_000
LEASE = {"domains": "workers.spreadsheets", "lease_s": "3", "watchdog_s": "0"}
TWICE = """
select count(*) from (
    select cell_id, task_id from cell_edit_events where task_id is not null
    group by cell_id, task_id having count(*) > 1
) twice
"""


async def killed(worker: OwnProcess) -> None:
    worker.signal(signal.SIGKILL)
    await worker.wait()


async def answered(programs: Programs, database: Database, session: UUID, *choices: str) -> None:
    """By a person on the command line, while no worker lives."""
    program = await programs.rowmill("sessions", "answer", str(session), *choices, database=database)
    assert await program.wait() == 0, program.said()


async def contacts_of(db: Connection, pairs: int) -> Sheet:
    """Pairs of rows of one person each: the second has what the first lacks."""
    sheet = await make_sheet(db)
    rows: list[tuple[str | None, ...]] = []
    for number in range(pairs):
        rows.append((f"Person  {number:03} Sample{number:03}", f"p{number}@example.org", None))
        rows.append((f"Sample{number:03}, Person {number:03}", f"P{number}@EXAMPLE.org", f"+49 30 {1000000 + number}"))
    await fill(sheet, rows, ("Name", "E-mail", "Phone"))
    return sheet


async def test_kills_between_steps_and_inside_them_leave_each_effect_once(
    database: Database, db: Connection, workers: Workers, programs: Programs
) -> None:
    pairs = 150
    sheet = await contacts_of(db, pairs)
    session = await start(sheet, "clean_contacts", likeness=95)
    first = await workers.spawn(**LEASE)
    cleaned = "select count(*) > 20 from cell_edit_events where task_id is not null"
    await until(lambda: db.fetchval(cleaned), what="some cleaned cells")
    await killed(first)  # inside the first step, or just behind it
    second = await workers.spawn(**LEASE)
    await comes_to(db, session, "asks")
    await killed(second)  # between the question and its answer
    await answered(programs, database, session)
    assert (await session_row(db, session))["state"] == "running"
    third = await workers.spawn(**LEASE)
    merged = """select count(*) > 10 from cell_edit_events e join sheet_columns k on k.id = e.column_id
        where k.title = 'Merged into row'"""
    await until(lambda: db.fetchval(merged), what="some merged rows")
    await killed(third)  # inside the last step, or just behind it
    await workers.spawn(**LEASE)
    row = await comes_to(db, session, "completed")
    assert found_in(row, 3) == {"groups_merged": pairs, "groups_left_out": 0, "rows_emptied": pairs}
    assert await db.fetchval(TWICE) == 0
    kept = await db.fetch(
        "select count(*) filter (where content is not null) as filled from cells where column_id = any ($1) "
        "group by row_number order by row_number",
        list(sheet.columns.values()),
    )
    assert [each["filled"] for each in kept] == [3, 0] * pairs or [each["filled"] for each in kept] == [0, 3] * pairs
    steps = await db.fetch("select count(*) as tasks from task_queue where concurrency_key like 'session:%'")
    assert steps[0]["tasks"] == 3
    done = "select count(*) from sheet_edit_events where action = 'session_step_done'"
    assert await db.fetchval(done) == 3


async def test_a_kill_inside_an_import_lands_every_row_once(
    database: Database, db: Connection, workers: Workers, programs: Programs, tmp_path: Path
) -> None:
    lines = "".join(f"Person {number},p{number}@example.org\n" for number in range(ROWS))
    (tmp_path / "many.csv").write_text(f"Full name,Mail\n{lines}", encoding="utf-8")
    sheet = await make_sheet(db)
    await sheet.add("Name", "E-mail")
    session = await start(sheet, "import_mapped", file="many.csv")
    settings = {**LEASE, "files_dir": str(tmp_path)}
    worker = await workers.spawn(**settings)
    await comes_to(db, session, "asks")
    await answered(programs, database, session)
    landed = "select count(*) > 1000 from cells where column_id = $1"
    await until(lambda: db.fetchval(landed, sheet.columns["Name"]), what="some rows")
    await killed(worker)
    await workers.spawn(**settings)
    row = await comes_to(db, session, "completed")
    assert found_in(row, 2) == {"rows": ROWS, "columns": 2}
    counted = "select count(*), count(distinct content), max(row_number) from cells where column_id = $1"
    assert tuple(await sheet.one(counted, sheet.columns["Name"])) == (ROWS, ROWS, ROWS)
    assert await db.fetchval(TWICE) == 0
