"""Sheets as XLSX or CSV files below the installation's folder, for when there is no Google account. Read, merged by
key, written beside and renamed: a file is whole or as it was. Texts are texts, and none begins as a formula does."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook
from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.exceptions import XlsxWriterException  # type: ignore[import-untyped]

from workers.work_orders.adapter.sheets.port import SheetFailed, Unwritable
from workers.work_orders.rules.exports import Cell, guarded, header_row, keyed, places

KINDS = {"xlsx", "csv"}


class FileSheet:
    """One file, known by the spreadsheet's id."""

    def __init__(self, root: Path, spreadsheet_id: str, kind: str, sheet_name: str) -> None:
        self.path = root / "work-orders" / f"{_file_name(spreadsheet_id)}.{kind}"
        self._kind, self._name, self._id = kind, sheet_name, spreadsheet_id

    @property
    def limit(self) -> str:
        return f"sheet:{self._id}"

    async def take_turn(self) -> None:
        """A file needs no mercy."""

    async def upsert(self, header: Sequence[str], rows: Mapping[str, Sequence[Cell]]) -> None:
        await asyncio.to_thread(self._upsert, header, rows)

    async def rows(self) -> dict[str, list[Any]]:
        table = await asyncio.to_thread(self._read)
        return {key: [_unguarded(cell) for cell in row] for key, row in keyed(table).items()}

    def _upsert(self, header: Sequence[str], rows: Mapping[str, Sequence[Cell]]) -> None:
        try:
            table = self._read()
            if (stands := header_row(_keys(table), header[0])) != 1:
                table.insert(0, table.pop(stands - 1) if stands else [])
            at = places(_keys(table), list(rows))
            table += [[] for _ in range(max([*at.values(), 1]) - len(table))]
            table[0] = list(header)
            for key, cells in rows.items():
                table[at[key] - 1] = [key, *(guarded(cell) for cell in cells)]
            self._write(table)
        except OSError as error:
            raise SheetFailed(f"the file {self.path.name} cannot be written ({error.strerror})") from None
        except XlsxWriterException as error:
            raise SheetFailed(f"the file {self.path.name} cannot be written ({type(error).__name__})") from None

    def _read(self) -> list[list[Any]]:
        if not self.path.exists():
            return []
        if self._kind == "csv":
            with self.path.open(encoding="utf-8-sig", newline="") as stream:
                return list(csv.reader(stream))
        try:
            sheet = CalamineWorkbook.from_path(str(self.path)).get_sheet_by_index(0)
        except CalamineError:
            raise Unwritable(f"{self.path.name} is no workbook any more; move it away, then retry") from None
        return [list(row) for row in sheet.to_python(skip_empty_area=False)]

    def _write(self, table: Sequence[Sequence[Any]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            if self._kind == "csv":
                with draft.open("w", encoding="utf-8-sig", newline="") as stream:
                    csv.writer(stream).writerows(table)
            else:
                self._write_workbook(draft, table)
            with draft.open("rb") as written:
                os.fsync(written.fileno())
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)

    def _write_workbook(self, draft: Path, table: Sequence[Sequence[Any]]) -> None:
        with Workbook(str(draft), {"constant_memory": True}) as book:
            sheet = book.add_worksheet(
                self._name[:31].translate(str.maketrans("[]:*?/\\", "       ")).strip("'") or None
            )
            for number, row in enumerate(table):
                for at, cell in enumerate(row):
                    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
                        sheet.write_number(number, at, cell)
                    elif cell not in {"", None}:
                        sheet.write_string(number, at, str(cell)[:32_767])
            sheet.freeze_panes(1, 0)


def _keys(table: Sequence[Sequence[Any]]) -> list[str]:
    return [str(row[0]) if row else "" for row in table]


def _file_name(spreadsheet_id: str) -> str:
    """A plain id as it is. Of any other one what is plain of it, and a part of its hash: two ids never share a file."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "_" for each in spreadsheet_id)
    name = plain.strip(".")[:100]
    if name == spreadsheet_id:
        return name
    return f"{name or '_'}-{hashlib.sha256(spreadsheet_id.encode()).hexdigest()[:12]}"


def _unguarded(cell: Any) -> Any:
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and guarded(cell[1:]) == cell else cell
