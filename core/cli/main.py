"""The command tree. The module of a command is imported when the command is called: most need little of the rest.

A domain brings its own: `workers/<domain>/cli` has rows like these, named COMMANDS, and imports nothing for them.
"""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Final

import cyclopts
from cyclopts import Parameter
from pydantic import ValidationError

from core import domains
from core.cli.version import release
from core.errors import RowmillError
from core.settings import Settings

# Name, where it is, and its own first sentence, which a test compares.
COMMANDS: Final = (
    (
        "up",
        "core.cli.up:up",
        "Start all of it: a server if needed, migrations, workers, web. Ctrl-C finishes what runs, then stops it all.",
    ),
    (
        "psql",
        "core.cli.database:psql",
        "Open psql on the database, for example `rowmill psql -c 'select * from task_queue'`.",
    ),
    (
        "dsn",
        "core.cli.database:dsn",
        "Print the address of the database, for any client. The embedded server answers while something uses it.",
    ),
    (
        "migrate",
        "core.cli.database:migrate",
        "Bring the database to the newest revision.",
    ),
    (
        "work",
        "core.cli.work:work",
        "Run workers: claim tasks, do them, commit. Ctrl-C or SIGTERM finishes what runs and gives the rest back.",
    ),
    (
        "workers",
        "core.cli.workers:workers",
        "List the workers: since when they live, when they last beat, what they run, how many tasks they hold.",
    ),
    (
        "drain",
        "core.cli.drain:drain",
        "Ask workers to drain, as SIGTERM does: no new claims, what runs may finish, the rest goes back, exit code 0.",
    ),
    (
        "top",
        "core.cli.top:top",
        "Watch the queue live: depth, age, rates, waits and runs of each type, and the workers. q or Ctrl-C ends it.",
    ),
    (
        "tasks",
        "core.cli.tasks:tasks",
        "List the newest tasks, for example `rowmill tasks --status failed --since 2h`.",
    ),
    (
        "task",
        "core.cli.story:task",
        "Tell the whole story of a task: who enqueued it, runs with waits and errors, what it changed and enqueued.",
    ),
    (
        "explain",
        "core.cli.story:explain",
        "Say in one sentence why a task is not running, or how it ended.",
    ),
    (
        "enqueue",
        "core.cli.produce:enqueue",
        "Enqueue a task; type and payload are checked first. For example `rowmill enqueue greetings.greet guest_id=7`.",
    ),
    (
        "retry",
        "core.cli.change:retry",
        "Run tasks again with fresh attempts: by id, or with --where all that match, the failed ones unless told.",
    ),
    (
        "cancel",
        "core.cli.change:cancel",
        "Cancel tasks: pending ones at once, running ones are stopped and write nothing. By id, or with --where.",
    ),
    (
        "signal",
        "core.cli.signalling:signal",
        "Continue a waiting task, by its id or by what it waits for, as in `rowmill signal paid:17 amount=12.5`.",
    ),
    (
        "pause",
        "core.cli.pausing:pause",
        "Stop claiming tasks of a type. What runs goes on; a second pause keeps the first one's reason.",
    ),
    (
        "resume",
        "core.cli.pausing:resume",
        "Claim tasks of a paused type again.",
    ),
    (
        "token",
        "core.cli.token:app",
        "Tokens of the HTTP API: create, list, revoke.",
    ),
    (
        "user",
        "core.cli.user:app",
        "People who log in: create, list, set, password, logout.",
    ),
    (
        "web",
        "core.cli.web:web",
        "Serve the HTTP API and the page. Ctrl-C or SIGTERM lets requests under way end.",
    ),
    (
        "doctor",
        "core.cli.doctor:doctor",
        "Examine the server, the schema, the queue and the load; each finding with its next step. Changes nothing.",
    ),
    (
        "recovered",
        "core.cli.recovered:recovered",
        "After a restore, before workers start: give back what ran when the backup was taken, note the new server.",
    ),
    (
        "retention",
        "core.cli.retention:retention",
        "Delete now what is older than its days, as workers do in the background. With --dry-run only show it.",
    ),
    (
        "db",
        "core.cli.databases:app",
        "The database itself: status, and fresh, reset and seed for development.",
    ),
    (
        "completion",
        "core.cli.completion:completion",
        "Print the completion script of a shell. For bash: source <(rowmill completion bash).",
    ),
    (
        "schedules",
        "core.cli.schedules:schedules",
        "List the schedules: when each comes next, when it came last, and why one does not.",
    ),
    (
        "schedule",
        "core.cli.schedules:schedule",
        "Enqueue a task at fixed times; a schedule of that name is replaced. Missed times are made up for by one task.",
    ),
    (
        "unschedule",
        "core.cli.schedules:unschedule",
        "Remove a schedule. What it has enqueued already stays.",
    ),
    (
        "pause-schedule",
        "core.cli.schedules:pause_schedule",
        "Let the times of a schedule pass by. They are not made up for afterwards.",
    ),
    (
        "resume-schedule",
        "core.cli.schedules:resume_schedule",
        "Let a paused schedule go on with the next of its times.",
    ),
    (
        "run-schedule",
        "core.cli.schedules:run_schedule",
        "Enqueue the task of a schedule now, besides its times; also of a paused one.",
    ),
)
app = cyclopts.App(
    name="rowmill",
    help="Rows in, finished work out: an event-driven worker system inside your own PostgreSQL.",
    version=release,
)


def domain_commands() -> Iterator[tuple[str, str, str]]:
    """The rows of the installation's domains; none where its settings cannot be read, which each command then tells."""
    try:
        found = domains.discover(Settings().domains)
    except (RowmillError, ValidationError):
        return
    for domain in found:
        name = f"{domain.package}.cli"
        if importlib.util.find_spec(name) is not None:
            yield from importlib.import_module(name).COMMANDS


for _name, _where, _help in (*COMMANDS, *domain_commands()):
    app.command(_where, name=_name, help=_help)


@app.command(help_flags=[])  # `rowmill demo --help` is the demo's own help
def demo(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Run the main job on real data; `rowmill demo --help` lists its options."""
    raise SystemExit(subprocess.call([sys.executable, "-m", "demo", *arguments]))
