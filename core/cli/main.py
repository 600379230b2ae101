"""The command tree."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from core.cli import change, database, pausing, produce, story, tasks, work, workers

app = cyclopts.App(
    name="rowmill",
    help="Rows in, finished work out: an event-driven worker system inside your own PostgreSQL.",
    version="0.1.0",
)
app.command(database.psql)
app.command(database.dsn)
app.command(database.migrate)
app.command(work.work)
app.command(workers.workers)
app.command(tasks.tasks)
app.command(story.task)
app.command(story.explain)
app.command(produce.enqueue)
app.command(change.retry)
app.command(change.cancel)
app.command(pausing.pause)
app.command(pausing.resume)


@app.command(help_flags=[])  # `rowmill demo --help` is the demo's own help
def demo(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Run the main job on real data; `rowmill demo --help` lists its options."""
    raise SystemExit(subprocess.call([sys.executable, "-m", "demo", *arguments]))
