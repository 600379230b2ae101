"""`rowmill doctor`: looks at the server, the schema, the queue and the load. Changes nothing.

Every finding is one sentence with a verdict, and a next step unless all is well. Exit code 1 if there is a problem.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import asyncpg
from rich.table import Table
from rich.text import Text

from core import domains
from core.cli.database import DataDir, database
from core.cli.doctor import queue, scale, schema, server, vacuum
from core.cli.doctor.findings import Finding, problem, warning, worst
from core.cli.doctor.patient import Patient
from core.cli.doctor.pooler import pooler
from core.cli.sentences import explained
from core.cli.showing import Json, console, counted, print_json, text
from core.db.connect import TROUBLE, close, connect
from core.settings import Settings

Check: TypeAlias = Callable[[Patient], Awaitable[list[Finding]]]
OF_THE_SERVER: Final[tuple[Check, ...]] = (server.server, server.encryption, server.clock, pooler, schema.revisions)
OF_THE_DATA: Final[tuple[Check, ...]] = (
    schema.drift,
    schema.restore,
    queue.workers,
    queue.unserved,
    queue.stuck,
    queue.retention,
    vacuum.blockers,
    vacuum.bloat,
    vacuum.wraparound,
    scale.connections,
    scale.queries,
    scale.tables,
    scale.users,
    scale.bells,
    server.disk,
)
MARKS: Final = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "problem": ("PROBLEM", "bold red")}


def doctor(*, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Examine the server, the schema, the queue and the load; each finding with its next step. Changes nothing."""
    with database(data_dir, up_to_date=False) as dsn:
        findings = asyncio.run(examine(dsn, Settings()))
    if as_json:
        print_json({"worst": worst(findings), "findings": [each.document() for each in findings]})
    else:
        _print(findings)
    if worst(findings) == "problem":
        raise SystemExit(1)


async def examine(dsn: str, settings: Settings) -> list[Finding]:
    """All findings. A database that cannot be reached is one of them."""
    try:
        connection = await connect(dsn, settings, "doctor")
    except TROUBLE as error:
        return [_unreachable(error)]
    try:
        patient = Patient(dsn, settings, domains.discover(settings.domains), connection)
        findings = await _look(patient, OF_THE_SERVER)
        if not any(each.check == "migrations" and each.verdict == "problem" for each in findings):
            findings += await _look(patient, OF_THE_DATA)
        return findings
    finally:
        await close(connection)


def _unreachable(error: BaseException) -> Finding:
    said, _, step = (explained(error) or str(error)).partition("; ")
    return problem("server", said, step or "see docs/troubleshooting.md")


async def _look(patient: Patient, checks: Sequence[Check]) -> list[Finding]:
    findings: list[Finding] = []
    for check in checks:
        try:
            findings += await check(patient)
        except asyncpg.InsufficientPrivilegeError as error:
            said = f"this login may not look ({error.args[0]})"
            findings.append(warning(check.__name__, said, "run it again as the owner of the database"))
        except TROUBLE as error:
            said, _, step = (explained(error) or str(error)).partition("; ")
            findings.append(problem(check.__name__, said, step or "see docs/troubleshooting.md"))
    return findings


def _print(findings: Sequence[Finding]) -> None:
    made = Table(show_header=False, box=None, pad_edge=False)
    made.add_column(no_wrap=True)
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for each in findings:
        mark, style = MARKS[each.verdict]
        made.add_row(Text(mark, style=style), each.check, text(each.sentence))
        if each.next_step:
            made.add_row("", "", Text.assemble(("→ ", "cyan"), text(each.next_step)))
    console().print(made)
    problems = sum(each.verdict == "problem" for each in findings)
    warnings = sum(each.verdict == "warning" for each in findings)
    console().print(f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}")
