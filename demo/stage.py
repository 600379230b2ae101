"""Sets the demo's stage: a database and a folder of its own, a sheet with columns that depend on each other."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from core.db.connect import Connection
from core.db.statements import Catalog
from demo.sheet import CONTACTS, DERIVED, SOURCE_TITLES, DerivedColumn

QUERIES = Catalog(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one run of the demo plays."""

    folder: Path
    spreadsheet_id: UUID

    @property
    def contacts(self) -> Path:
        return self.folder / "contacts.csv"

    @property
    def edits(self) -> Path:
        return self.folder / "edits.jsonl"


async def set_stage(connection: Connection, folder: Path) -> Stage:
    """Makes the sheet with plain INSERTs and puts the input file where tasks may open files."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(CONTACTS, folder / "contacts.csv")
    owner = await QUERIES["add_owner"].fetch(connection, email="demo@rowmill.invalid")
    sheet = await QUERIES["add_sheet"].fetch(connection, name="Contacts", owner_id=owner[0]["id"])
    spreadsheet_id = sheet[0]["id"]
    await _add_columns(connection, spreadsheet_id)
    return Stage(folder, spreadsheet_id)


async def _add_columns(connection: Connection, spreadsheet_id: UUID) -> None:
    ids: dict[str, UUID] = {}
    plain = [DerivedColumn(title, None, {}, ()) for title in SOURCE_TITLES]
    for position, (title, operator, config, inputs) in enumerate([*plain, *DERIVED], start=1):
        rows = await QUERIES["add_column"].fetch(
            connection,
            spreadsheet_id=spreadsheet_id,
            position=position,
            title=title,
            operator=operator,
            config=json.dumps(config),
        )
        ids[title] = rows[0]["id"]
        if inputs:
            input_ids = [ids[name] for name in inputs]
            await QUERIES["add_inputs"].fetch(connection, column_id=ids[title], input_ids=input_ids)
