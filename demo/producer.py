"""A producer as any team would write it: plain SQL against the database, nothing of ours imported.

Edits source cells and asks for recalculations with INSERT while the workers run. Each edit that the database has
acknowledged is written to a log, which the proof reads.

    python -m demo.producer DSN SPREADSHEET_ID LOG SECONDS SEED
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg

EDITABLE = {
    "Name": ("  mary   ann smith", "O'BRIEN, pat", "Zoë Müller", ""),
    "E-mail": ("New.Person@Example.ORG", "not an address", "mailto:sales@nordwind-bau.example"),
    "Amount": ("1.234,56 €", "(99,90)", "12 000,00", "soon"),
    "Phone": ("+49 30 901820", "089/1234567", "call me"),
    "Joined": ("2019-04-05", "31.02.2020", "5. Mai 2021"),
}
ENOUGH_CELLS = 2000
EDIT = "update cells set content = $1 where id = $2"
RECALCULATE = "insert into task_queue (task_type, payload) values ('spreadsheets.transform', $1)"
CELLS = """
select c.id, c.row_number, k.title
from cells c join sheet_columns k on k.id = c.column_id
where k.spreadsheet_id = $1 and k.title = any ($2) order by c.row_number, k.position
"""
DERIVED = """
select c.id from cells c join sheet_columns k on k.id = c.column_id
where k.spreadsheet_id = $1 and k.operator is not null order by c.row_number, k.position
"""


async def produce(dsn: str, spreadsheet_id: str, log: Path, seconds: float, seed: int) -> None:
    """Edits and enqueues until the time is over; about every tenth edit hits a cell that was just edited."""
    choose = random.Random(seed)
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "demo producer"})
    deadline = time.monotonic() + seconds
    cells: list[Any] = []
    with log.open("a", encoding="utf-8") as stream:
        while time.monotonic() < deadline:
            cells = (
                cells if len(cells) > ENOUGH_CELLS else await connection.fetch(CELLS, spreadsheet_id, list(EDITABLE))
            )
            for cell in choose.sample(cells, min(5, len(cells))):
                await edit(connection, cell, choose.choice(EDITABLE[cell["title"]]), stream)
            if derived := await connection.fetch(f"{DERIVED} limit 200", spreadsheet_id):
                await connection.execute(RECALCULATE, json.dumps({"cell_id": str(choose.choice(derived)["id"])}))
            await asyncio.sleep(0.01)
    await connection.close()


async def edit(connection: Any, cell: Any, content: str, stream: Any) -> None:
    await connection.execute(EDIT, content or None, cell["id"])
    stream.write(json.dumps({"row": cell["row_number"], "title": cell["title"], "content": content or None}) + "\n")
    stream.flush()


if __name__ == "__main__":
    asyncio.run(produce(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
