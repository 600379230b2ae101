"""Files in and out: CSV, XLSX, ODS; web pages; formulas. The only room of this domain that touches the outside.

What has to do with files is synchronous: an operator calls it in a thread.
"""

from __future__ import annotations

from core.outside import AsideFailed, FetchFailed, FetchRefused, MustWait
from workers.spreadsheets.adapter.formulas import calculate
from workers.spreadsheets.adapter.pages import fetch, host_limit, read_page, take_turn
from workers.spreadsheets.adapter.paths import PathRefused, resolve
from workers.spreadsheets.adapter.records import FileUnreadable
from workers.spreadsheets.adapter.root import open_table_below_root, write_below_root
from workers.spreadsheets.adapter.tables import Table, open_table
from workers.spreadsheets.adapter.writing import TooLargeForXlsx, write_csv, write_xlsx

__all__ = [
    "AsideFailed",
    "FetchFailed",
    "FetchRefused",
    "FileUnreadable",
    "MustWait",
    "PathRefused",
    "Table",
    "TooLargeForXlsx",
    "calculate",
    "fetch",
    "host_limit",
    "open_table",
    "open_table_below_root",
    "read_page",
    "resolve",
    "take_turn",
    "write_below_root",
    "write_csv",
    "write_xlsx",
]
