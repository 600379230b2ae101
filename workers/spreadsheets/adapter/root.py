"""Opens and writes files by the names that payloads give, below the installation's folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from core.outside import files_root
from workers.spreadsheets.adapter.paths import resolve
from workers.spreadsheets.adapter.tables import Table, open_table
from workers.spreadsheets.adapter.writing import write_csv, write_xlsx
from workers.spreadsheets.model import Value


def open_table_below_root(name: str) -> Table:
    """Raises PathRefused or FileUnreadable, each with a sentence."""
    return open_table(resolve(files_root(), name))


def write_below_root(
    name: str,
    kind: str | None,
    header: Sequence[str],
    rows: Iterable[Sequence[Value | None]],
) -> Path:
    """Writes CSV where the name or `kind` says so, else XLSX. Raises PathRefused or TooLargeForXlsx."""
    path = resolve(files_root(), name)
    is_csv = kind == "csv" or (kind is None and path.suffix.lower() == ".csv")
    (write_csv if is_csv else write_xlsx)(path, header, rows)
    return path
