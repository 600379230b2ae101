"""SIGSTOP past the lease, and SIGCONT: what was a worker is a zombie. Also SIGSTOP of whoever reads a socket."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from core.db.connect import Connection
from tests.processes.programs import Program
from tests.running import until

OVER = "select bool_and(lease_until < clock_timestamp()) is not false from rowmill.workers where pid = any ($1::int[])"


async def stall_past_lease(db: Connection, programs: Sequence[Program], limit_s: float = 60.0) -> None:
    """All stand still until the database says that their leases are over."""
    for each in programs:
        each.signal(signal.SIGSTOP)
    await until(lambda: db.fetchval(OVER, [each.pid for each in programs]), limit_s, "the end of the leases")


def wake(programs: Sequence[Program]) -> None:
    for each in programs:
        each.signal(signal.SIGCONT)
