"""The command tree."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from core.cli import database, work

app = cyclopts.App(
    name="rowmill",
    help="Rows in, finished work out: an event-driven worker system inside your own PostgreSQL.",
    version="0.1.0",
)
app.command(database.psql)
app.command(database.dsn)
app.command(database.migrate)
app.command(work.work)


@app.command(help_flags=[])  # `rowmill demo --help` is the demo's own help
def demo(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Run the main job on real data; `rowmill demo --help` lists its options."""
    raise SystemExit(subprocess.call([sys.executable, "-m", "demo", *arguments]))
