"""Alembic's environment: async, one migrator at a time, version table in the engine's own schema."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from alembic import context
from sqlalchemy import Connection, event, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from core import domains
from core.db import catalogs
from core.db.connect import close, connect
from core.schema import metadata
from core.settings import Settings

ONE_MIGRATOR = 1_785_684_595
LOCK_LIMIT_MS = 1000
ENGINE_TABLES = ("core.queue.tables", "core.people.tables")


def include_object(obj: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Tables of the team's own database are none of our business."""
    return not (kind == "table" and reflected and compare_to is None)


def migrate(connection: Connection) -> None:
    for room in ENGINE_TABLES:
        importlib.import_module(room)
    domains.load(context.config.attributes["domains"], "tables")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_server_default=True,
        transaction_per_migration=True,
        version_table_schema="rowmill",
        include_schemas=True,
        include_object=include_object,
    )
    with context.begin_transaction():
        context.run_migrations()


@asynccontextmanager
async def alone(address: str) -> AsyncIterator[None]:
    """One migrator at a time: the lock of an open transaction on a session of its own, for behind a pooler no session
    keeps a lock. Polls for it, and reads nothing under it: a snapshot would stall CREATE INDEX CONCURRENTLY."""
    keeper = await connect(address, Settings(), "migrate lock", unlimited=True)
    try:
        while True:
            transaction = keeper.transaction()
            await transaction.start()
            if (await catalogs.migration()["migrators_lock"].fetch(keeper, key=ONE_MIGRATOR))[0]["ours"]:
                break
            await transaction.rollback()
            await asyncio.sleep(0.1)
        # A message of its own: it also ends the portal of the question, which would go on holding a snapshot.
        await keeper.execute("set local idle_in_transaction_session_timeout = 0")
        yield
    finally:
        await close(keeper)


def limit_locks(connection: Connection) -> None:
    """Whoever wants a table queues behind a migration that waits for it."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql(f"set local lock_timeout = {LOCK_LIMIT_MS}")


async def online() -> None:
    """No transaction is open when Alembic begins, else it takes it for the caller's and commits nothing."""
    address = context.config.attributes["url"]
    # The driver reads the address itself, here as everywhere: SQLAlchemy knows neither sslmode nor postgres://.
    # Its cache of prepared statements would mix up those without a name, which connections through a pooler make.
    engine = create_async_engine(
        "postgresql+asyncpg://?prepared_statement_cache_size=0",
        async_creator=lambda: connect(address, Settings(), "migrate", unlimited=True),
        poolclass=pool.NullPool,
    )
    event.listen(engine.sync_engine, "begin", limit_locks)
    async with alone(address), engine.connect() as connection:
        await connection.execute(text("create schema if not exists rowmill"))
        await connection.commit()
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(online())
