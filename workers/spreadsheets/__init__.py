"""Sheets that fill themselves in: an edited cell enqueues the cells that depend on it, in the same transaction.

Task types: `spreadsheets.transform`, `classify`, `fill_cells`, `lookup`, `formula`, `fetch_page`, `http_json`, `llm`,
`import_file`, `export_file`. Effects: `SetCell`, `ShowValue`, `AddBlankCells`, `BeginFetch`, `AddColumn`, `AppendRows`,
those of calls (`model/language.py`), of people (`model/sheets.py`) and of the shape (`model/structure.py`).
The event-driven half is SQL: `triggers.sql`. What strangers wrote (pages, formulas) is read by `asides`, in processes
of their own.
"""
