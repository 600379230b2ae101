"""After a restore, `rowmill recovered` and a start of the workers: what ran when the backup was taken is done once.

The commands are those of docs/operations.md.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import pytest

from core import domains
from core.db.binaries import find_binaries
from core.db.connect import Connection
from core.db.embedded import EmbeddedServer
from core.db.migrate import migrate
from core.settings import Settings
from tests.core.cli.conftest import code_of
from tests.processes.programs import Programs, appears, notes_by_task
from tests.running import DOMAINS, Database, all_ended, enqueue, until

RUNNING, WAITING, DONE = 5, 20, 10


@dataclass
class Busy:
    """A database with finished tasks, tasks that run and wait at a door, and tasks that are not due yet."""

    database: Database
    door: Path

    def open(self) -> None:
        Path(f"{self.door}.open").touch()


async def run_program(name: str, *arguments: str | Path) -> str:
    program = find_binaries(Settings().pg_bin) / name
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def made_busy(database: Database, programs: Programs, folder: Path) -> Busy:
    db, door = await database.connect(), folder / "door"
    for number in range(DONE):
        await enqueue(db, "toy.note", {"note": f"done {number}"})
    await db.execute("insert into toy_rows (id, value) values (1, 'sent out'), (2, 'quiet')")
    await programs.rowmill("work", database=database, lease_s="3")
    await all_ended(db)
    for _ in range(RUNNING):
        await enqueue(db, "toy.act", {"act": "at_file", "arg": str(door)})
    await until(
        lambda: db.fetchval("select count(*) = $1 from task_queue where status = 'processing'", RUNNING),
        what="tasks that run",
    )
    await appears(Path(f"{door}.1"))
    await db.execute("select pause_operator('toy.note')")
    for number in range(WAITING):
        await enqueue(db, "toy.note", {"note": f"waited {number}"})
    return Busy(database, door)


async def recovered_and_finished(restored: Database, programs: Programs, busy: Busy, rowmill_on: RowmillOn) -> None:
    """The documented steps after a restore, and what must be true in the end."""
    db = await restored.connect()
    version = await db.fetchval("select last_value from rowmill.version")
    answer = await rowmill_on(restored, "recovered", "--json")
    assert answer["tasks_given_back"] == {"toy.act": RUNNING}
    assert answer["marked"] == {"toy": 1, "turns": 0, "work_orders": 0}
    assert await db.fetchval("select value from toy_rows where id = 1") == "? sent out"
    assert await db.fetchval("select count(*) from task_queue where status = 'processing'") == 0
    assert await db.fetchval("select last_value from rowmill.version") > version + 999_999_999
    assert (
        await db.fetch(
            "select attempts, crashes from task_queue where status = 'pending' and (attempts, crashes) <> (0, 0)"
        )
        == []
    )
    assert await db.fetchval("select count(*) from audit_events where entity = 'recovery'") == 1

    busy.open()
    await db.execute("select resume_operator('toy.note')")
    await programs.rowmill("work", database=restored)
    await all_ended(db)
    notes = await notes_by_task(db)
    assert len(notes) == RUNNING + WAITING + DONE
    assert [each for each in notes.values() if len(each) != 1] == []
    assert await db.fetchval("select count(*) from task_queue where status = 'completed'") == RUNNING + WAITING + DONE


class RowmillOn:
    """Calls `rowmill` in this process on any database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    async def __call__(self, database: Database, *words: str, code: int | None = 0) -> dict[str, object]:
        self._monkeypatch.setenv("ROWMILL_DATABASE_URL", database.dsn)
        self._monkeypatch.setenv("ROWMILL_DOMAINS", ",".join(DOMAINS))
        self._capsys.readouterr()
        ended = await asyncio.to_thread(code_of, words)
        said = self._capsys.readouterr()
        assert code is None or ended == code, said
        answer: dict[str, object] = json.loads(said.out) if said.out.startswith("{") else {"err": said.err}
        return answer


@pytest.fixture
def rowmill_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RowmillOn:
    return RowmillOn(monkeypatch, capsys)


async def restore_verdict(database: Database, rowmill_on: RowmillOn) -> str:
    found = (await rowmill_on(database, "doctor", "--json", code=None))["findings"]
    assert isinstance(found, list)
    verdicts: list[str] = [each["verdict"] for each in found if each["check"] == "restore"]
    assert len(verdicts) == 1, found
    return verdicts[0]


# --- a dump ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def empty_database(server: EmbeddedServer, name: str) -> AsyncIterator[Database]:
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"create database {name}")
    made = Database(server.dsn(name), name)
    try:
        yield made
    finally:
        await made.close()
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def test_a_restored_dump_does_what_was_running_once(
    database: Database, server: EmbeddedServer, programs: Programs, tmp_path: Path, rowmill_on: RowmillOn
) -> None:
    busy = await made_busy(database, programs, tmp_path)
    await run_program("pg_dump", "--format=custom", f"--file={tmp_path / 'rowmill.dump'}", database.dsn)
    async with empty_database(server, f"{database.name}_again") as restored:
        await run_program(
            "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={restored.dsn}", tmp_path / "rowmill.dump"
        )
        assert await restore_verdict(restored, rowmill_on) == "warning"
        await recovered_and_finished(restored, programs, busy, rowmill_on)
        assert await restore_verdict(restored, rowmill_on) == "ok"


# --- a base backup ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where the account that runs the servers may write."""
    made = Path(mkdtemp(prefix="rowmill-restore-", dir="/var/tmp"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def test_a_base_backup_recovered_to_a_new_timeline_does_what_was_running_once(
    programs: Programs, folder: Path, tmp_path: Path, rowmill_on: RowmillOn
) -> None:
    first = EmbeddedServer(folder / "first", durable=False, explicit=True)
    copy = EmbeddedServer(folder / "copy", durable=False, explicit=True, settings={"restore_command": "false"})
    with first:
        admin = await asyncpg.connect(first.dsn())
        await admin.execute("create database rowmill")
        await admin.close()
        database = Database(first.dsn("rowmill"), "rowmill")
        await migrate(database.dsn, domains.discover(DOMAINS))
        busy = await made_busy(database, programs, tmp_path)
        await take_base_backup(first, copy)
        await database.close()
        with copy:
            restored = Database(copy.dsn("rowmill"), "rowmill")
            assert await restore_verdict(restored, rowmill_on) == "warning"
            await recovered_and_finished(restored, programs, busy, rowmill_on)
            assert await restore_verdict(restored, rowmill_on) == "ok"
            await restored.close()
            await programs.close()


async def take_base_backup(source: EmbeddedServer, target: EmbeddedServer) -> None:
    account, home = source._account, target.data_path.parent
    home.mkdir()
    account.own(home)
    base = source._binaries / "pg_basebackup"
    ran = await asyncio.to_thread(
        account.run, [base, "-D", target.data_path, "-X", "stream", "--checkpoint=fast", "-d", source.dsn()]
    )
    assert ran.returncode == 0, ran.stderr
    (target.data_path / "recovery.signal").touch()
    account.own(target.data_path / "recovery.signal")


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_nothing_is_given_back_while_a_worker_lives(
    database: Database, db: Connection, programs: Programs, tmp_path: Path, rowmill_on: RowmillOn
) -> None:
    busy = await made_busy(database, programs, tmp_path)
    said = await rowmill_on(database, "recovered", code=1)
    assert "a worker is connected" in str(said["err"])
    assert await db.fetchval("select count(*) from task_queue where status = 'processing'") == RUNNING
    busy.open()


async def test_a_lease_that_is_renewed_is_a_worker_though_no_session_has_its_name(
    database: Database, db: Connection, rowmill_on: RowmillOn
) -> None:
    await db.execute(
        "insert into rowmill.workers (worker_id, host, pid, lease_until, task_types)"
        " values ('w', 'h', 1, now() + interval '1 hour', '{}')"
    )

    async def beat() -> None:
        while True:
            await db.execute("update rowmill.workers set beat_at = clock_timestamp()")
            await asyncio.sleep(0.05)

    beating = asyncio.create_task(beat())
    try:
        said = await rowmill_on(database, "recovered", code=1)
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
    assert "the worker w on h (pid 1) beats" in str(said["err"])


async def test_a_second_call_finds_nothing_to_give_back(database: Database, rowmill_on: RowmillOn) -> None:
    assert [(await rowmill_on(database, "recovered", "--json"))["recovery_no"] for _ in range(2)] == [1, 2]
