"""Where rows are exported to. One small port, two sinks: Google Sheets, and files for installations without an account.

A spreadsheet whose id begins with `file:` is always a file.
"""

from __future__ import annotations

from core.outside import NoGoogleAccount, files_root, google_account, sheet_format
from workers.work_orders.adapter.sheets.files import FileSheet
from workers.work_orders.adapter.sheets.google import GoogleSheet
from workers.work_orders.adapter.sheets.port import MustWait, QuotaMet, Sheet, SheetFailed, Take, Unwritable

__all__ = ["MustWait", "NoGoogleAccount", "QuotaMet", "Sheet", "SheetFailed", "Take", "Unwritable", "sheet"]


def sheet(spreadsheet_id: str, sheet_name: str, take: Take) -> Sheet:
    """The sink of a spreadsheet. Raises Unwritable where it cannot be."""
    if spreadsheet_id.startswith("file:"):
        return FileSheet(files_root(), spreadsheet_id, sheet_format(), sheet_name)
    try:
        account = google_account()
    except NoGoogleAccount as reason:
        raise Unwritable(str(reason)) from None
    if account is None:
        return FileSheet(files_root(), spreadsheet_id, sheet_format(), sheet_name)
    return GoogleSheet(account, spreadsheet_id, sheet_name, take)
