"""T25: workers of the release before and of this one side by side while migrations run, under load: nobody waits for a
second, no task fails, no attempt is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.db.connect import Connection
from core.db.migrate import migrate
from tests.core.db.test_migrate_locks import Later, later  # noqa: F401 - a fixture
from tests.processes.programs import Programs
from tests.running import Database, Workers, all_ended, until

LOAD = """
insert into task_queue (task_type, payload, concurrency_key)
select 'toy.note', jsonb_build_object('note', i::text), case when i % 5 = 0 then 'key ' || i % 7 end
from generate_series(1, 50) i
"""
NOT_ONCE = """
select t.id from task_queue t left join toy_notes n on n.task_id = t.id
group by t.id, t.status having count(n.note) <> 1 or t.status <> 'completed'
"""
LONGEST_WAIT = """
select coalesce(max(extract(epoch from clock_timestamp() - l.waitstart)), 0)::float8
from pg_locks l join pg_stat_activity a using (pid)
where a.datname = current_database() and not l.granted and a.application_name <> 'rowmill migrate'
"""
MIGRATION_WAITS = """
select exists (select from pg_stat_activity where datname = current_database()
               and application_name = 'rowmill migrate' and wait_event_type = 'Lock')
"""
REVISIONS = (
    "run_sql(\"alter table task_queue add column added text default 'new'\")",
    """run_concurrently(
        "drop index concurrently if exists task_queue_added",
        "create index concurrently task_queue_added on task_queue (added) where status = 'failed'",
    )""",
    'run_sql("alter table toy_notes add column added int not null default 7")',
    """run_sql(\"\"\"
        create or replace function rowmill.is_paused(p_type text) returns boolean language sql stable as $$
            select exists (select from rowmill.task_types k where k.task_type = p_type and k.paused_at is not null)
        $$\"\"\")""",
    'run_sql("alter table rowmill.workers add column added text; alter table rowmill.gate add column added text")',
    'run_sql("alter table toy_rows alter column value type varchar(2000)")',
)


@asynccontextmanager
async def _under_load(database: Database) -> AsyncIterator[list[float]]:
    """Producers insert 500 tasks a second or as many as go, a watcher notes the longest waits for locks."""
    over, waits = asyncio.Event(), [0.0]

    async def produce() -> None:
        session = await database.connect()
        while not over.is_set():
            await session.execute(LOAD)
            await session.fetchval("select pg_sleep(0.1)")

    async def watch() -> None:
        session = await database.connect(application_name="watch")
        while not over.is_set():
            waits.append(await session.fetchval(LONGEST_WAIT))
            await session.fetchval("select pg_sleep(0.02)")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(produce())
        tasks.create_task(watch())
        try:
            yield waits
        finally:
            over.set()


async def test_workers_of_both_releases_work_on_while_migrations_run(
    database: Database,
    db: Connection,
    workers: Workers,
    programs: Programs,
    later: Later,  # noqa: F811 - the fixture
) -> None:
    """Old workers start before the revisions and have prepared their statements; new ones start behind them."""
    old = [await workers.spawn("--only", "toy.*") for _ in range(2)]
    reader = await database.connect()
    async with _under_load(database) as waits:
        await until(lambda: db.fetchval("select count(*) > 200 from toy_notes"), what="work under way")
        held = reader.transaction()
        await held.start()
        await reader.fetch("select count(*) from task_queue")  # a person's forgotten report
        migrating = asyncio.create_task(migrate(database.dsn, later(*REVISIONS)))
        await until(lambda: db.fetchval(MIGRATION_WAITS), what="a migration that waits")
        await held.rollback()
        assert len(await migrating) == len(REVISIONS)
        new = await workers.spawn("--only", "toy.*")
        before = await db.fetchval("select count(*) from task_queue where worker_id = $1", new.worker_id)
        by_new = "select count(*) > $2 from task_queue where worker_id = $1 and status = 'completed'"
        await until(lambda: db.fetchval(by_new, new.worker_id, before), what="work of the new release")
    await all_ended(db)
    assert max(waits) < 1.2  # the migrator's limit, and the time between two looks
    assert await db.fetch(NOT_ONCE) == []
    assert await db.fetchval("select array_agg(distinct attempts) from task_queue") == [1]
    assert await db.fetchval("select count(*) from robot_input_events where not success") == 0
    for worker in (*old, new):
        assert worker.process.returncode is None
        assert "Traceback" not in worker.log.read_text()
        assert [line for line in worker.lines() if line["level"] == "error"] == []
