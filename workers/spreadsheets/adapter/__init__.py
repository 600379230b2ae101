"""Files in and out: CSV, XLSX, ODS. The only room of this domain that touches the outside.

Everything is synchronous: an operator calls it in a thread.
"""

from __future__ import annotations

from workers.spreadsheets.adapter.paths import PathRefused, resolve
from workers.spreadsheets.adapter.records import FileUnreadable
from workers.spreadsheets.adapter.root import open_table_below_root, write_below_root
from workers.spreadsheets.adapter.tables import Table, open_table
from workers.spreadsheets.adapter.writing import TooLargeForXlsx, write_csv, write_xlsx

__all__ = [
    "FileUnreadable",
    "PathRefused",
    "Table",
    "TooLargeForXlsx",
    "open_table",
    "open_table_below_root",
    "resolve",
    "write_below_root",
    "write_csv",
    "write_xlsx",
]
