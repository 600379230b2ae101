"""Opens and writes files by the names that payloads give, below the folder of the task's workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from core.outside import folder_of, is_own
from workers.spreadsheets.adapter.paths import PathRefused, resolve
from workers.spreadsheets.adapter.tables import Table, open_table
from workers.spreadsheets.adapter.writing import write_csv, write_xlsx
from workers.spreadsheets.model import Value


def open_table_below_root(workspace_id: UUID | None, name: str) -> Table:
    """Raises PathRefused or FileUnreadable, each with a sentence."""
    return open_table(_place(workspace_id, name))


def write_below_root(
    workspace_id: UUID | None,
    name: str,
    kind: str | None,
    header: Sequence[str],
    rows: Iterable[Sequence[Value | None]],
) -> Path:
    """Writes CSV where the name or `kind` says so, else XLSX. Raises PathRefused or TooLargeForXlsx."""
    path = _place(workspace_id, name)
    is_csv = kind == "csv" or (kind is None and path.suffix.lower() == ".csv")
    (write_csv if is_csv else write_xlsx)(path, header, rows)
    return path


def _place(workspace_id: UUID | None, name: str) -> Path:
    root = folder_of(workspace_id).resolve()
    found = resolve(root, name)
    if is_own(found, root):
        raise PathRefused(f"{name!r} lies in a folder that Rowmill keeps for itself; use another one")
    return found
