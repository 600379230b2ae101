"""Sessions in tests: started by plain SQL, looked at, answered as a client does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from core.db import catalogs
from core.db.connect import Connection
from tests.running import LIMIT_S, until
from tests.workers.spreadsheets.serving import Client
from tests.workers.spreadsheets.sheets import Sheet

CONTACTS: Sequence[tuple[str | None, ...]] = (
    ("Ada  Lovelace", "ADA@Example.org", "030 1234567", "Engines Ltd"),
    ("Grace Hopper", "grace@navy.example", None, "Navy"),
    ("Lovelace, Ada", None, "+49 30 1234567", None),
    ("Hopper Grace", "grace@navy.example", "+1 212 555 0100", None),
    ("Alan Turing", "alan@example.org", None, "Bletchley"),
)
PARTS = ("Name", "E-mail", "Phone", "Company")


async def fill(sheet: Sheet, rows: Sequence[Sequence[str | None]] = CONTACTS, parts: Sequence[str] = PARTS) -> None:
    """Columns of these titles, and the rows below each other."""
    await sheet.add(*parts)
    for number, row in enumerate(rows, start=1):
        for title, content in zip(parts, row, strict=True):
            if content is not None:
                await sheet.write(title, number, content)


async def start(sheet: Sheet, kind: str, db: Connection | None = None, **given: Any) -> UUID:
    """A plain INSERT, as any client makes it."""
    insert = """insert into transformer_sessions (kind, session_name, spreadsheet_id, initial_input)
        values ($1, 'A session', $2, $3) returning id"""
    made: UUID = await (db or sheet.db).fetchval(insert, kind, sheet.id, json.dumps(given))
    return made


async def session_row(db: Connection, session: UUID) -> dict[str, Any]:
    statement = catalogs.of_package("workers.spreadsheets")["http_sessions"]
    (row,) = await statement.fetch(db, session_id=session, spreadsheet_id=None, most=1)
    return dict(row)


async def comes_to(db: Connection, session: UUID, *states: str, limit_s: float = LIMIT_S) -> dict[str, Any]:
    """The session's row once it is in one of these states."""

    async def look() -> dict[str, Any] | None:
        row = await session_row(db, session)
        if row["state"] == "failed" and "failed" not in states:
            raise AssertionError(f"the session has failed: {row['problem']}")
        return row if row["state"] in states else None

    return await until(look, limit_s, f"session {session} to be {states}")


async def form_of(db: Connection, session: UUID) -> list[dict[str, Any]]:
    """What it asks, once it does."""
    found: list[dict[str, Any]] = json.loads((await comes_to(db, session, "asks"))["user_input_form"])
    return found


async def answer(client: Client, session: UUID, choices: Mapping[str, str] | None = None, **given: Any) -> Any:
    """As the page answers."""
    read = (await client.get(f"/api/sessions/{session}")).body
    body = {"step": read["current_step"], "version": read["version"], "answer": {"choices": choices or {}}, **given}
    return await client.post(f"/api/sessions/{session}/answer", body)


def found_in(row: Mapping[str, Any], step: int) -> dict[str, Any]:
    """What a step has found."""
    found: dict[str, Any] = json.loads(row["step_data"])[str(step)]
    return found
