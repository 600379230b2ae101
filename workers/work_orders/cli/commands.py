"""`rowmill work-orders ...`: one app, its commands in a file for each group."""

from __future__ import annotations

import cyclopts

from workers.work_orders.cli.documents import boxes, pdf, show
from workers.work_orders.cli.exporting import export, exports, retry
from workers.work_orders.cli.ingesting import ingest
from workers.work_orders.cli.looking import match, preview, resolve, reviews
from workers.work_orders.cli.profiling import profile, profiles, try_profile
from workers.work_orders.cli.workspaces import workspace, workspaces

app = cyclopts.App(
    name="work-orders",
    help="Work orders: ingest PDFs, try profiles, look at what came in, answer questions, export.",
)
COMMANDS = (
    *(ingest, preview, show, pdf, boxes, reviews, resolve, match),
    *(exports, export, retry, profile, profiles, workspaces, workspace),
)
for command in COMMANDS:
    app.command(command)
app.command(try_profile, name="try")
