"""Sheets that fill themselves in: an edited cell enqueues the cells that depend on it, in the same transaction.

Task types: `spreadsheets.transform`, `spreadsheets.import_file`, `spreadsheets.export_file`.
Effects: `SetCell`, `AddColumn`, `AppendRows`. The event-driven half is SQL: `triggers.sql`.
"""
