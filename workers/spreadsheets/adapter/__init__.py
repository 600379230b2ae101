"""Files in and out: CSV, XLSX, ODS; web pages; APIs; language models; formulas. The only room of this domain that
touches the outside.

What has to do with files is synchronous: an operator calls it in a thread.
"""

from __future__ import annotations

from core.outside import AsideFailed, FetchFailed, FetchRefused, ModelBusy, ModelFailed, ModelRefused, MustWait
from workers.spreadsheets.adapter.answers import fetch_json, read_json
from workers.spreadsheets.adapter.formulas import calculate
from workers.spreadsheets.adapter.models import ask, model, model_name, prices, sheet_budget, take_model_turn
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
    "ModelBusy",
    "ModelFailed",
    "ModelRefused",
    "MustWait",
    "PathRefused",
    "Table",
    "TooLargeForXlsx",
    "ask",
    "calculate",
    "fetch",
    "fetch_json",
    "host_limit",
    "model",
    "model_name",
    "open_table",
    "open_table_below_root",
    "prices",
    "read_json",
    "read_page",
    "resolve",
    "sheet_budget",
    "take_model_turn",
    "take_turn",
    "write_below_root",
    "write_csv",
    "write_xlsx",
]
