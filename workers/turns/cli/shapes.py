"""`rowmill shapes` and `rowmill shapes-dev`."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Final

from aiohttp import web
from cyclopts import Parameter
from cyclopts.validators import Number

from core.cli.door import (
    Connection,
    DataDir,
    Json,
    Settings,
    Slots,
    ask,
    console,
    database,
    print_json,
    statements,
    table,
    tell,
)
from workers.turns.adapter import install
from workers.turns.shapes import development
from workers.turns.shapes.database import Source
from workers.turns.shapes.limits import Limits

PROJECT: Final = Path(__file__).resolve().parents[3]
DOMAIN: Final = "workers.turns"
CONNECTIONS: Final = 16
Port = Annotated[int, Parameter(help="The port; 0 takes a free one.", validator=Number(gte=0, lte=65535))]


def shapes(*, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the shapes that somebody follows: rows, bytes, age, how far the log has gone on since."""

    async def question(connection: Connection) -> list[dict[str, object]]:
        return [dict(row) for row in await statements(DOMAIN)["shape_sizes"].fetch(connection)]

    found = ask(data_dir, question)
    if as_json:
        print_json({"shapes": found})
        return
    names = ("handle", "table", "condition", "rows", "bytes", "chunks", "made", "used", "behind")
    columns = ("handle", "table", "condition", "row_count", "byte_count", "chunks", "made_at", "used_at")
    rows = [[*(row[name] for name in columns), row["transactions_since"]] for row in found]
    console().print(table("shapes", names, rows, whole=("handle",)))


def turns_packages() -> None:
    """Install the npm packages of the page of turns, by the hashes of their lock file. Needs npm."""
    tell(f"installed in {install(PROJECT / '.rowmill')}")


def shapes_dev(*, port: Port = 3000, data_dir: DataDir = None) -> None:
    """Serve any table as shapes, to anybody on this machine, without a login. For development and test suites only."""
    tell(
        "DEVELOPMENT ONLY: every table of this database is open to whoever reaches this port; no login, deletes allowed"
    )
    with database(data_dir) as dsn:
        asyncio.run(_serve(dsn, Settings(), port))


async def _serve(dsn: str, settings: Settings, port: int) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    slots = Slots(dsn, settings, "shapes dev", CONNECTIONS)
    limits = Limits(settings.shape_chunk_bytes, settings.shape_poll_s, settings.shape_max_age_s, settings.shape_stale_s)
    errors: asyncio.Queue[BaseException] = asyncio.Queue()
    source = Source(slots.acquire, statements(DOMAIN))
    app = development.application(source, limits, settings.shape_tick_s, errors)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "localhost", port).start()
        tell(f"serving http://localhost:{runner.addresses[0][1]}; stop with Ctrl-C")
        await stop.wait()
    finally:
        await runner.cleanup()
        await slots.close()
