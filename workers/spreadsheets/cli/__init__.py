"""The commands of spreadsheets. Rows: name, where it is, its first sentence."""

COMMANDS = (
    (
        "sheets",
        "workers.spreadsheets.cli.sheets:app",
        "Sheets: list, show, share; run columns; move, delete, bring back; undo.",
    ),
    (
        "sessions",
        "workers.spreadsheets.cli.sessions:app",
        "Sessions over a sheet: list, show, start, answer, retry, cancel.",
    ),
)
