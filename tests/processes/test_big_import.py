"""A large file, a worker killed at a chunk nobody chose: each cell and each audit row lands once, in little memory."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from pathlib import Path
from uuid import UUID

import pytest

from core.db.connect import Connection
from tests.processes.programs import Programs, workers_up
from tests.running import Database, ended, enqueue, task_row, until
from tests.workers.spreadsheets.sheets import make_sheet

COLUMNS = 8
CEILING_MB = 300
DONE = "select coalesce((output ->> 'rows_done')::int, 0) from task_queue where id = $1"
RIGHT = """
select count(*) as cells, count(distinct (c.column_id, c.row_number)) as places, max(c.row_number) as last
from cells c join sheet_columns k on k.id = c.column_id
where c.content = k.title || ' ' || c.row_number
"""
AUDITED = """
select count(*) as events, count(distinct cell_id) as cells, count(distinct run_no) as runs
from cell_edit_events where edit_type = 'import' and old_content is null
"""


def write_file(path: Path, rows: int) -> None:
    titles = [f"Column {number}" for number in range(COLUMNS)]
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(titles) + "\n")
        for row in range(1, rows + 1):
            file.write(",".join(f"{title} {row}" for title in titles) + "\n")


def peak_mb(pid: int) -> float:
    """The largest resident size a process has had."""
    told = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", told)
    assert found is not None
    return int(found[1]) / 1024


async def import_with_a_kill(database: Database, db: Connection, programs: Programs, folder: Path, rows: int) -> None:
    write_file(folder / "large.csv", rows)
    sheet = await make_sheet(db)
    settings = {"lease_s": "60", "files_dir": str(folder), "memory_mb": str(CEILING_MB)}
    fleet = await programs.rowmill(
        "work", "--processes", "2", "--only", "spreadsheets.import_file", database=database, **settings
    )
    alive = await workers_up(db, 2, limit_s=90)
    begun = time.monotonic()
    task_id = await enqueue(db, "spreadsheets.import_file", {"spreadsheet_id": str(sheet.id), "file": "large.csv"})
    at = random.randrange(rows // 10, rows * 6 // 10)
    peaks = [await killed_at(db, task_id, at, alive)]
    row = await ended(db, task_id, 600)
    seconds = time.monotonic() - begun
    assert (row["status"], row["attempts"], row["crashes"], row["run_no"]) == ("completed", 1, 1, 2)
    peaks += [peak_mb(pid) for pid in (await workers_up(db, 2, limit_s=90)).values()]
    cells = rows * COLUMNS
    print(
        f"\n{rows} x {COLUMNS} cells in {seconds:.1f} s ({cells / seconds:.0f} cells/s), killed behind row {at};"
        f" peaks of the workers {', '.join(f'{each:.0f}' for each in peaks)} MB"
    )
    assert max(peaks) < CEILING_MB
    assert dict(await db.fetchrow(RIGHT) or {}) == {"cells": cells, "places": cells, "last": rows}
    assert dict(await db.fetchrow(AUDITED) or {}) == {"events": cells, "cells": cells, "runs": 2}
    assert await db.fetchval("select count(*) from cells") == cells
    fleet.signal(signal.SIGTERM)
    assert await fleet.wait() == 0


async def killed_at(db: Connection, task_id: UUID, row: int, alive: dict[str, int]) -> float:
    """Kills the worker of the task when that row has been committed; returns its peak."""

    async def reached() -> bool:
        done: int = await db.fetchval(DONE, task_id)
        return done >= row

    await until(reached, 300, f"row {row}")
    task = await task_row(db, task_id)
    assert task["status"] == "processing", "the import was faster than this test"
    pid = alive[task["worker_id"]]
    peak = peak_mb(pid)
    os.kill(pid, signal.SIGKILL)
    return peak


@pytest.mark.timeout(400)
async def test_a_killed_import_of_three_thousand_rows_lands_once(
    database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    await import_with_a_kill(database, db, programs, tmp_path, 3_000)


@pytest.mark.full
@pytest.mark.timeout(900)
async def test_a_killed_import_of_a_hundred_thousand_rows_lands_once_under_300_mb(
    database: Database, db: Connection, programs: Programs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        await import_with_a_kill(database, db, programs, tmp_path, 100_000)
