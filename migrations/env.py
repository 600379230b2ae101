"""Alembic's environment: async, one migrator at a time, version table in the engine's own schema."""

import asyncio
import importlib

import asyncpg
from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from core import domains
from core.schema import metadata

ONE_MIGRATOR = 1_785_684_595
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


async def online() -> None:
    """Polls for the migrator's lock: a waiting session would stall CREATE INDEX CONCURRENTLY. No transaction is open
    when Alembic begins, else it takes it for the caller's and commits nothing."""
    address = context.config.attributes["url"]
    # The driver reads the address itself, here as everywhere: SQLAlchemy knows neither sslmode nor postgres://.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(address), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        while not await connection.scalar(text(f"select pg_try_advisory_lock({ONE_MIGRATOR})")):
            await connection.commit()
            await asyncio.sleep(0.1)
        await connection.execute(text("create schema if not exists rowmill"))
        await connection.commit()
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(online())
