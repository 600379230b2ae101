"""asyncpg: the task is committed with the change that asks for it."""

import asyncio
import json
import os

import asyncpg


async def main() -> None:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        async with connection.transaction():
            task_id = await connection.fetchval(
                "insert into task_queue (task_type, payload) values ($1, $2) returning id",
                "toy.set",
                json.dumps({"row_id": 10, "value": "from asyncpg"}),
            )
        print(task_id, await connection.fetchval("select status from task_queue where id = $1", task_id))
    finally:
        await connection.close()


asyncio.run(main())
