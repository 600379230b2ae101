"""The commands of the reports domain: `rowmill reports …`."""

COMMANDS = (
    (
        "reports",
        "workers.reports.cli.app:app",
        "Daily reports, transcripts and captures: take files in, look, search, write reports.",
    ),
)
