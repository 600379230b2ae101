"""kill -9 of PostgreSQL, and its return; or of one backend, which makes the postmaster start anew by itself."""

from __future__ import annotations

import os
import signal

from core.db.connect import Connection
from tests.torture.stage import Server


async def kill_postgres(server: Server) -> None:
    """The postmaster dies, every session with it; recovery; ready again."""
    await server.kill()
    await server.restart()


async def kill_backend(db: Connection, like: str) -> int:
    """Kill -9 of one server process whose session is named so. 0 where there is none."""
    pid = await db.fetchval(
        "select pid from pg_stat_activity where datname = current_database() and application_name like $1 limit 1", like
    )
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    return int(pid or 0)
