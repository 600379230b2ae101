"""Clocks of machines may be wrong, and may jump: the database's clock counts, so leases hold and each time of a
schedule becomes one task."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.db.connect import Connection
from tests.processes.programs import Programs, workers_up
from tests.running import Database, ended, enqueue, until

LIBRARIES = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"),
)
SCHEDULES, ROUNDS = 20, 4
WRONG = ("+3600s", "-3600s", "+0s")


@pytest.fixture
def faketime() -> Path:
    found = next((each for each in LIBRARIES if each.exists()), None)
    if found is None:
        pytest.skip("needs Debian's package libfaketime")
    return found


def set_clock(file: Path, offset: str) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text(offset + "\n", encoding="utf-8")
    draft.replace(file)


async def test_workers_an_hour_apart_whose_clocks_jump_enqueue_each_time_once_and_keep_their_leases(
    database: Database, db: Connection, programs: Programs, tmp_path: Path, faketime: Path
) -> None:
    files = [tmp_path / f"clock-{number}" for number in range(len(WRONG))]
    for file, offset in zip(files, WRONG, strict=True):
        set_clock(file, offset)
        await programs.start([sys.executable, "-m", "core.cli", "work"], _environment(database, faketime, file))
    await workers_up(db, 3)
    rows = await db.fetch("select * from monitoring.workers")
    assert len(rows) == 3

    names = [f"s{number}" for number in range(SCHEDULES)]
    for name in names:
        await db.fetchval("select schedule_task($1, 'toy.note', '0 0 1 1 *', $2)", name, json.dumps({"note": name}))
    query = "select bool_and(next_at > now()) from rowmill.schedules"
    times: set[datetime] = set()
    for each in range(ROUNDS):
        await until(lambda: db.fetchval(query), what="a look at every schedule")
        times.add(await db.fetchval("update rowmill.schedules set next_at = now() returning next_at"))
        for number, file in enumerate(files):
            set_clock(file, WRONG[(number + each) % 3])
    await until(lambda: db.fetchval(query), what="the last of the times")

    made = await db.fetch("select enqueued_by, scheduled_for, count(*) from task_queue group by 1, 2")
    assert {(row["enqueued_by"], row["scheduled_for"]) for row in made} == {
        (f"schedule {name}", at) for name in names for at in times
    }
    assert {row["count"] for row in made} == {1}
    task_id = await enqueue(db, "toy.note", {"note": "last"})
    assert (await ended(db, task_id))["status"] == "completed"
    await until(lambda: db.fetchval("select bool_and(status = 'completed') from task_queue"), what="all tasks")
    assert await db.fetchval("select max(run_no) = 1 and max(crashes) = 0 from task_queue")
    assert len(await workers_up(db, 3)) == 3
    next_times = {row["next_at"] for row in await db.fetch("select next_at from rowmill.schedules")}
    assert next_times == {datetime(datetime.now(UTC).year + 1, 1, 1, tzinfo=UTC)}


def _environment(database: Database, library: Path, file: Path) -> dict[str, str]:
    return {
        "ROWMILL_DATABASE_URL": database.dsn,
        "ROWMILL_DOMAINS": "tests.toy",
        "ROWMILL_LEASE_S": "5",
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
