"""The commands of spreadsheets. Rows: name, where it is, its first sentence."""

COMMANDS = (
    (
        "sessions",
        "workers.spreadsheets.cli.sessions:app",
        "Sessions over a sheet: list, show, start, answer, retry, cancel.",
    ),
)
