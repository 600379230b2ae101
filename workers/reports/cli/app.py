"""`rowmill reports`: the tree of its commands."""

from __future__ import annotations

import cyclopts

app = cyclopts.App(
    name="reports", help="Daily reports, transcripts and captures: take files in, look, search, write reports."
)
for _name, _where in (
    ("seed", "workers.reports.cli.seed:seed"),
    ("team", "workers.reports.cli.team:team"),
    ("query", "workers.reports.cli.look:query"),
    ("ingest", "workers.reports.cli.ingest:ingest"),
    ("watch", "workers.reports.cli.watch:watch"),
    ("problems", "workers.reports.cli.look:problems"),
    ("again", "workers.reports.cli.look:again"),
    ("search", "workers.reports.cli.search:search"),
    ("generate", "workers.reports.cli.write:generate"),
    ("show", "workers.reports.cli.write:show"),
):
    app.command(_where, name=_name)
