"""Sets the demo's stage: a database and a folder of its own, a sheet with columns that depend on each other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

from core.db.connect import Connection
from core.db.statements import Catalog
from demo.sheet import (
    BY_HAND,
    COMPUTED,
    CONTACTS,
    DERIVED,
    FAIR_TITLES,
    FETCH_PAGE,
    PAGE_DERIVED,
    PAGE_SOURCES,
    SOURCE_TITLES,
    DerivedColumn,
)

QUERIES = Catalog(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one run of the demo plays."""

    folder: Path
    spreadsheet_id: UUID
    pages_id: UUID
    by_hand_id: UUID
    fair_id: UUID
    site: str

    @property
    def contacts(self) -> Path:
        return self.folder / "contacts.csv"

    @property
    def edits(self) -> Path:
        return self.folder / "edits.jsonl"


async def set_stage(connection: Connection, folder: Path, site: str) -> Stage:
    """Makes the sheets with plain INSERTs and puts the input file where tasks may open files."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(CONTACTS, folder / "contacts.csv")
    owner = await QUERIES["add_owner"].fetch(connection, email="demo@rowmill.invalid")
    contacts = await _sheet(connection, owner[0]["id"], "Contacts", SOURCE_TITLES, (*DERIVED, *COMPUTED))
    pages = await _sheet(connection, owner[0]["id"], "Pages", PAGE_SOURCES, PAGE_DERIVED)
    by_hand = await _sheet(connection, owner[0]["id"], "Edited by hand", ("Text",), BY_HAND)
    fair = await _sheet(connection, owner[0]["id"], "Contacts of the fair", FAIR_TITLES, ())
    with suppress(asyncpg.PostgresError):  # not everybody's server has it, or lets us
        await connection.execute("create extension if not exists pg_stat_statements")
    return Stage(folder, contacts, pages, by_hand, fair, site)


async def enter(connection: Connection, spreadsheet_id: UUID, title: str, contents: Sequence[str | None]) -> None:
    """Cells from the first row down, by plain INSERT."""
    values = {"spreadsheet_id": spreadsheet_id, "title": title, "contents": list(contents)}
    await QUERIES["add_cells"].fetch(connection, **values)


async def _sheet(
    connection: Connection, owner_id: UUID, name: str, sources: Sequence[str], derived: Sequence[DerivedColumn]
) -> UUID:
    sheet = await QUERIES["add_sheet"].fetch(connection, name=name, owner_id=owner_id)
    spreadsheet_id: UUID = sheet[0]["id"]
    ids: dict[str, UUID] = {}
    plain = [DerivedColumn(title, None, {}, ()) for title in sources]
    for position, (title, operator, config, inputs) in enumerate([*plain, *derived], start=1):
        rows = await QUERIES["add_column"].fetch(
            connection,
            spreadsheet_id=spreadsheet_id,
            position=position,
            title=title,
            operator=operator,
            config=json.dumps(config),
        )
        ids[title] = rows[0]["id"]
        if operator == FETCH_PAGE:
            await QUERIES["add_outputs"].fetch(connection, column_id=ids[title])
        if inputs:
            input_ids = [ids[name] for name in inputs]
            await QUERIES["add_inputs"].fetch(connection, column_id=ids[title], input_ids=input_ids)
    return spreadsheet_id
