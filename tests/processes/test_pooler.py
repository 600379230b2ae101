"""Behind a pooler in transaction mode: workers say so and poll, nothing is left on the pool's sessions, and all that is
promised holds. Tried with the real PgBouncer, on the defaults of its configuration file."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from core import domains
from core.db import catalogs
from core.db.checks import StatementUnfit, check_statements
from core.db.connect import SESSION, Connection, close, connect, is_pooled
from core.db.migrate import pending
from core.db.statements import Catalog
from core.settings import Settings
from tests.house.schema import code_of, differences, tables_of
from tests.pooler import MISSING, PGBOUNCER, pgbouncer
from tests.processes.programs import Programs, appears
from tests.running import DOMAINS, Database, OwnProcess, Workers, all_ended, ended, enqueue, until

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason=MISSING)

LOADED = "tests.toy,tests.processes.acts"
LOAD = """
insert into task_queue (task_type, payload, concurrency_key)
select 'toy.note', jsonb_build_object('note', i::text), case when i % 3 = 0 then 'key ' || i % 7 end
from generate_series(1, 300) i
"""
NOT_ONCE = """
select t.id from task_queue t left join toy_notes n on n.task_id = t.id
where t.task_type = 'toy.note' group by t.id, t.status having count(n.note) <> 1 or t.status <> 'completed'
"""
LEFT_ON_SESSIONS = """
select (select count(*) from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())) as locks,
    (select count(*) from pg_stat_activity where datname = current_database() and state ~ '^idle in') as open
"""


async def test_workers_behind_a_pooler_poll_survive_a_kill_and_do_everything_once(
    database: Database, db: Connection, workers: Workers, tmp_path: Path
) -> None:
    async with pgbouncer(database.dsn) as address:
        victim, survivor = [await workers.spawn(dsn=address, domains=LOADED, lease_s="3") for _ in range(2)]
        assert await _woken_by(db) == {victim.worker_id: "polls", survivor.worker_id: "polls"}
        for worker in (victim, survivor):
            said = next(line["reason"] for line in worker.lines() if line["event"] == "polls_only")
            assert said.startswith(
                "no NOTIFY arrives through DATABASE_URL, as behind a pooler in transaction mode; tasks"
            )
        held = [await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/{n}"}) for n in range(30)]
        await asyncio.gather(*(appears(tmp_path / f"{n}.1") for n in range(30)))
        for _ in range(5):
            await db.execute(LOAD)
        await until(lambda: db.fetchval("select count(*) > 100 from toy_notes"), what="work under way")
        assert await db.fetchval("select count(distinct worker_id) from task_queue where id = any ($1)", held) == 2
        victim.signal(signal.SIGKILL)
        for n in range(30):
            (tmp_path / f"{n}.open").touch()
        await all_ended(db)
        assert await db.fetch(NOT_ONCE) == []
        assert await db.fetchval("select array_agg(distinct status) from task_queue") == ["completed"]
        assert await db.fetchval("select max(attempts) from task_queue") == 1
        assert await db.fetchval(
            "select count(*) = count(distinct task_id) from toy_notes where task_id = any ($1)", held
        )
        survivor.signal(signal.SIGTERM)
        assert await survivor.wait() == 0
        assert _troubles(survivor) == []
        assert tuple(await _left(db)) == (0, 0)


async def test_a_task_is_picked_up_within_the_poll_and_the_gate_stays_empty(
    database: Database, db: Connection, workers: Workers
) -> None:
    """Nobody writes `asleep`, so that no producer pays for a bell that nobody hears."""
    async with pgbouncer(database.dsn) as address:
        worker = await workers.spawn(dsn=address, domains=LOADED)
        for _ in range(3):
            task_id = await enqueue(db, "toy.note", {"note": "found"})
            await ended(db, task_id)
        waited = "select max(extract(epoch from started_at - created_at)) from task_queue"
        assert await db.fetchval(waited) < 5
        assert await db.fetchval("select count(*) from rowmill.gate") == 0
        assert _troubles(worker) == []


async def test_with_an_address_past_the_pooler_bells_work_while_all_else_goes_through_it(
    database: Database, db: Connection, workers: Workers
) -> None:
    async with pgbouncer(database.dsn) as address:
        worker = await workers.spawn(dsn=address, domains=LOADED, poll_s="0", listen_url=database.dsn)
        assert await _woken_by(db) == {worker.worker_id: "bells"}
        for _ in range(5):
            await ended(db, await enqueue(db, "toy.note", {"note": "heard"}))
        assert _troubles(worker) == []


async def test_a_listen_address_of_another_database_is_told(
    server: object, database: Database, workers: Workers
) -> None:
    elsewhere = database.dsn.replace(database.name, "postgres")
    worker = await workers.spawn(domains=LOADED, listen_url=elsewhere)
    reasons = [line["reason"] for line in worker.lines() if line["event"] == "polls_only"]
    assert len(reasons) == 1
    assert reasons[0].startswith("no NOTIFY of DATABASE_URL arrives through ROWMILL_LISTEN_URL, which must lead to the")


@pytest.mark.parametrize("more", ["", f"ignore_startup_parameters = {','.join(SESSION)}"])
async def test_a_pooler_is_noticed_whether_it_refuses_our_settings_or_ignores_them(
    database: Database, db: Connection, more: str
) -> None:
    async with pgbouncer(database.dsn, more=more) as address:
        pooled = await connect(address, Settings(), "test")
        direct = await connect(database.dsn, Settings(), "test")
        assert (is_pooled(pooled), is_pooled(direct)) == (True, False)
        assert await pooled.fetchval("select count(*) from pg_prepared_statements") == 0
        durable = (
            "select current_setting('synchronous_commit') || current_setting('jit') || current_setting('TimeZone')"
        )
        await db.execute(f"alter database {database.name} set synchronous_commit = off")
        assert await pooled.fetchval(durable) == await direct.fetchval(durable) == "onoffUTC"
        for each in (pooled, direct):
            await close(each)


async def test_a_pooler_in_session_mode_hears_bells(database: Database, db: Connection, workers: Workers) -> None:
    async with pgbouncer(database.dsn, mode="session", sessions=20) as address:
        worker = await workers.spawn(dsn=address, domains=LOADED, poll_s="0")
        assert await _woken_by(db) == {worker.worker_id: "bells"}
        await ended(db, await enqueue(db, "toy.note", {"note": "heard"}))


async def test_migrations_and_checks_go_through_a_pooler(
    bare_database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    ours = domains.discover(DOMAINS)
    async with pgbouncer(bare_database.dsn, sessions=4) as address:
        where = {"database_url": address, "domains": ",".join(DOMAINS)}
        both = [await programs.rowmill("migrate", database=bare_database, **where) for _ in range(2)]
        assert [await each.wait() for each in both] == [0, 0], both[0].said() + both[1].said()
        assert await pending(address, ours) == []
        theirs = await bare_database.connect()
        made = await tables_of(theirs) | await code_of(theirs)
        assert differences(made, await tables_of(db) | await code_of(db)) == {}
        pooled = await connect(address, Settings(), "test")
        for catalog in (catalogs.engine(), catalogs.inspect(), *(catalogs.of_package(each) for each in DOMAINS)):
            await check_statements(pooled, catalog)
        (tmp_path / "wrong.sql").write_text("-- name: wrong\nselect * from nowhere\n")
        with pytest.raises(StatementUnfit, match="'wrong'"):
            await check_statements(pooled, Catalog(tmp_path / "wrong.sql"))
        assert await pooled.fetchval("select 1") == 1
        await close(pooled)
        assert tuple(await _left(theirs)) == (0, 0)


async def test_the_command_line_goes_through_a_pooler_and_leaves_no_limit_there(
    database: Database, db: Connection, programs: Programs
) -> None:
    async with pgbouncer(database.dsn, sessions=1) as address:
        for words in (("tasks",), ("workers",), ("enqueue", "toy.note", '{"note": "x"}')):
            program = await programs.rowmill(*words, database=database, database_url=address)
            code = await program.wait()
            assert code == 0 or "no worker has published" in program.said(), program.said()
        pooled = await connect(address, Settings(), "test")
        limits = "select current_setting('statement_timeout') || current_setting('lock_timeout')"
        assert await pooled.fetchval(limits) == "00"
        await close(pooled)


async def _woken_by(db: Connection) -> dict[str, str]:
    rows = await db.fetch("select worker_id, woken_by from monitoring.workers")
    return {row["worker_id"]: row["woken_by"] for row in rows}


async def _left(db: Connection) -> tuple[int, int]:
    async def nothing() -> bool:
        return tuple((await db.fetch(LEFT_ON_SESSIONS))[0]) == (0, 0)

    await until(nothing, what="sessions with nothing left on them")
    row = (await db.fetch(LEFT_ON_SESSIONS))[0]
    return row["locks"], row["open"]


def _troubles(worker: OwnProcess) -> list[dict[str, object]]:
    expected = {"polls_only", "reaped"}
    return [line for line in worker.lines() if line["level"] in {"warning", "error"} and line["event"] not in expected]
