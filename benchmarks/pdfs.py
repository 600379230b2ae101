"""PDFs a second through the whole of it: ingested by SQL, claimed, parsed in the pool of processes aside, committed.

    python -m benchmarks.pdfs [COUNT]

Three layouts in turn, a third of them with tables; the time from the first claim to the last commit. Prints one line.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import asyncpg

from core import domains, log
from core.cli.database import scratch_database, server_in_use
from core.outside import Blobs
from core.queue.runtime import Worker
from core.registry import operators
from core.settings import Settings
from demo.work_orders.make_pdfs import LAYOUTS, Order
from demo.work_orders.play import HERE, QUERIES

READ: Final = "work_orders.read"
ORDER: Final = Order("", "", "Mill Lane", "88 Mill Lane, Leeds", "Replace a pump", "2026-03-02", "2026-03-09", "120.5")
NUMBERS: Final = {"northgate": "NG-{}", "suedwerk": "SW/2026/{}", "cityline": "CL-{:06}"}


def documents(count: int) -> Iterator[bytes]:
    for at, (name, layout) in zip(range(count), cycle(LAYOUTS.items())):
        yield layout(replace(ORDER, work_order_number=NUMBERS[name].format(at)))


async def measure(dsn: str, folder: str, count: int) -> str:
    """Seconds of the reading alone: everything is ingested before the worker starts."""
    connection = await asyncpg.connect(dsn)
    store = Blobs(f"{folder}/blobs")
    [made] = await QUERIES["set_up"].fetch(connection, email="bench@rowmill.invalid", spreadsheet_id="bench")
    for file in sorted((HERE / "profiles").glob("*.json")):
        profile = file.read_text(encoding="utf-8")
        given: dict[str, Any] = {"fm_key": file.stem, "profile": profile}
        await QUERIES["add_profile"].fetch(connection, workspace_id=made["workspace_id"], **given)
    for data in documents(count):
        kept = await store.keep(data)
        given = {"file_hash": kept.sha256, "blob": kept.path, "size": kept.size, "filename": "bench.pdf"}
        await QUERIES["ingest_order"].fetch(connection, workspace_id=made["workspace_id"], **given)
    worker = Worker(dsn, Settings(), [operators()[READ]])
    begun = time.perf_counter()
    running = asyncio.create_task(worker.run())
    left = "select count(*) from task_queue where task_type = $1 and status <> 'completed'"
    while await connection.fetchval(left, READ):
        await asyncio.sleep(0.02)
    seconds = time.perf_counter() - begun
    worker.stop()
    await running
    good = await connection.fetchval("select count(*) from work_orders where status = 'READY'")
    await connection.close()
    return f"{count / seconds:.0f} PDFs/s ({count} in {seconds:.2f} s, {good} read whole, {os.cpu_count()} cores)"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    log.configure("error")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ROWMILL_BLOB_URL"] = str(Path(folder) / "blobs")
        ours = ["workers.work_orders"]
        domains.load(domains.discover(ours), "operators")
        with server_in_use() as admin, scratch_database(f"bench_pdfs_{os.getpid()}", ours, admin) as dsn:
            print(asyncio.run(measure(dsn, folder, count)))


if __name__ == "__main__":
    main()
