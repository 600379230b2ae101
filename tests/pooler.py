"""Debian's PgBouncer in front of the test server: a handful of server sessions for everybody, in transaction mode
unless a test says otherwise."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from core.db.account import server_account
from tests.running import until

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin")
MISSING = "no pgbouncer here; install the package pgbouncer"
SETTINGS = """
[databases]
* = host={sockets} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {sessions}
max_client_conn = 200
"""


@asynccontextmanager
async def pgbouncer(dsn: str, mode: str = "transaction", sessions: int = 8, more: str = "") -> AsyncIterator[str]:
    """Runs until the block ends; gives the address of the same database through it."""
    port = _free_port()
    parts = urlsplit(dsn)
    folder = Path(tempfile.mkdtemp(prefix="rowmill-pgbouncer-"))
    settings = SETTINGS.format(sockets=parse_qs(parts.query)["host"][0], port=port, mode=mode, sessions=sessions)
    (folder / "pgbouncer.ini").write_text(f"{settings}{more}\n")
    folder.chmod(0o755)
    account = server_account()  # PgBouncer refuses to run as root, too
    assert PGBOUNCER is not None
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(PGBOUNCER, "-q", str(folder / "pgbouncer.ini")),
            stdout=log,
            stderr=log,
            cwd="/",
            user=account.user,
            group=account.group,
            extra_groups=None if account.user is None else [],
        )
    try:
        await until(lambda: _answers(port), what=f"PgBouncer (log: {folder}/log)")
        yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}?sslmode=disable"
    finally:
        process.kill()
        await process.wait()
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
