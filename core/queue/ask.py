"""How engine statements are asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import asyncpg

from core.db import catalogs
from core.db.connect import Slots

Ask: TypeAlias = Callable[..., Awaitable[list[asyncpg.Record]]]  # (statement, **values)


def asking(slots: Slots) -> Ask:
    """Asks on whichever of these connections is free. Autocommitted; raises what the driver raises. What was cut off
    half-way takes its connection with it."""

    async def ask(statement: str, **values: Any) -> list[asyncpg.Record]:
        async with slots.acquire() as connection:
            try:
                return await catalogs.engine()[statement].fetch(connection, **values)
            except BaseException as error:
                if not isinstance(error, asyncpg.PostgresError):
                    connection.terminate()
                raise

    return ask
