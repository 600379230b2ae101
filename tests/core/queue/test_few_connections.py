"""A worker keeps to its connections: everything works with four."""

from __future__ import annotations

import asyncio

from core.db.connect import Connection
from tests.running import Database, Workers, all_ended, enqueue

OPEN = """
select count(*) from pg_stat_activity where datname = current_database() and application_name ~ '^rowmill'
"""


async def test_everything_works_with_four_connections(database: Database, db: Connection, workers: Workers) -> None:
    """Reads share the commit connection; mid-run commits, retention, schedules and counts have none of their own."""
    await db.execute("insert into toy_rows (id, value) select i, 'v' from generate_series(1, 40) i")
    watching, most, over = await database.connect(), [0], asyncio.Event()

    async def watch() -> None:
        while not over.is_set():
            most.append(await watching.fetchval(OPEN))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch())
        running = await workers.start(pool_max=4)
        for number in range(1, 21):
            await enqueue(db, "toy.copy", {"source": number, "target": number + 20})
            await enqueue(db, "toy.act", {"act": "chunks", "arg": 3})
            await enqueue(db, "toy.note", {"note": "n"}, concurrency_key=f"k{number % 3}")
        await all_ended(db)
        await running.stop()
        over.set()
    assert max(most) == 4
    assert await db.fetchval("select array_agg(distinct status) from task_queue") == ["completed"]
    assert await db.fetchval("select count(*) from toy_notes") == 80
