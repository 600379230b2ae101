"""Sheets that fill themselves in: an edited cell enqueues the cells that depend on it, in the same transaction.

Task types: `spreadsheets.transform`, `spreadsheets.fetch_page`, `spreadsheets.formula`, `spreadsheets.import_file`,
`spreadsheets.export_file`. Effects: `SetCell`, `ShowValue`, `AddBlankCells`, `BeginFetch`, `AddColumn`, `AppendRows`.
The event-driven half is SQL: `triggers.sql`. What strangers wrote (pages, formulas) is read by `asides`, in processes
of their own.
"""
