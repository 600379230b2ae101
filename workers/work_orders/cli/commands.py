"""`rowmill work-orders ...`: one app, its commands in a file for each group."""

from __future__ import annotations

import cyclopts

from workers.work_orders.cli.exporting import export, exports, retry
from workers.work_orders.cli.ingesting import ingest, profile, try_profile
from workers.work_orders.cli.looking import boxes, match, preview, resolve, reviews

app = cyclopts.App(
    name="work-orders",
    help="Work orders: ingest PDFs, try profiles, look at what came in, answer questions, export.",
)
for command in (ingest, profile, preview, reviews, resolve, match, boxes, exports, export, retry):
    app.command(command)
app.command(try_profile, name="try")
