"""Where the server of the tests keeps its data: in memory where there is room.

Each test has a database of a thousand files, made and dropped. On a file system like ext4, which looks at every inode
that was freed lately before it takes one, that took a third of the processors.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from core.db.embedded import EmbeddedServer
from core.errors import ServerUnavailable
from core.settings import PROJECT, Settings

MEMORY: Final = Path("/dev/shm")
ROOM: Final = 4 * 2**30  # bytes; a run needs less than one
SETTINGS: Final = {
    "max_connections": "300",
    "autovacuum_naptime": "5s",
    "max_prepared_transactions": "10",
    "max_wal_size": "512MB",
}


def scratch_server(project: Path = PROJECT) -> EmbeddedServer:
    """Shared by parallel runs of this project. ROWMILL_PG_BIN: the same tests on another PostgreSQL."""
    binaries = Settings().pg_bin
    name = "test-pg" if binaries is None else f"test-pg-{binaries.parent.name}"
    home = project / ".rowmill" / name
    tag = hashlib.sha256(os.fsencode(home)).hexdigest()[:10]
    in_memory = MEMORY / f"rowmill-{os.geteuid()}-{tag}"
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return EmbeddedServer(
        in_memory if roomy else home, binaries=binaries, durable=False, settings=SETTINGS, explicit=roomy
    )


def forget(server: EmbeddedServer) -> None:
    """Gives the memory back, unless a parallel run still uses it."""
    if server.data_path.is_relative_to(MEMORY):
        with suppress(ServerUnavailable):
            server.destroy()
