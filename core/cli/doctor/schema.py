"""Whether the database is what this version of the code expects: revisions, drift, code of functions, restores."""

from __future__ import annotations

import re
from typing import Final

import asyncpg

from core.cli.doctor.findings import Finding, ok, problem, warning
from core.cli.doctor.patient import Patient
from core.cli.showing import counted, moment
from core.db import migrate as migrations
from core.errors import RowmillError

SHOWN: Final = 3
FUNCTION: Final = re.compile(
    r"^create or replace function (?P<name>[\w.]+)\s*\((?:(?!^create ).)*?as \$\$(?P<body>.*?)\$\$",
    re.DOTALL | re.MULTILINE,
)


async def revisions(patient: Patient) -> list[Finding]:
    """What `rowmill migrate` would apply."""
    try:
        missing = await migrations.pending(patient.dsn, patient.installed)
    except RowmillError as error:
        said, _, step = str(error).partition("; ")
        return [problem("migrations", said, step)]
    if missing:
        said = f"{counted(len(missing), 'revision')} not applied: {', '.join(missing)}"
        return [problem("migrations", said, "run `rowmill migrate`")]
    return [ok("migrations", "every revision is applied")]


async def drift(patient: Patient) -> list[Finding]:
    """Tables by `alembic check`, functions by their text: somebody may have changed them by hand."""
    found = [*await migrations.drift(patient.dsn, patient.installed), *await changed_functions(patient)]
    if not found:
        return [ok("drift", "tables, indexes and functions are those of the migrations")]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    said = f"the database differs from the migrations: {'; '.join(found[:SHOWN])}{more}"
    step = "undo what was changed by hand, or write a revision for it (docs/operations.md, Change a table)"
    return [problem("drift", said, step)]


async def changed_functions(patient: Patient) -> list[str]:
    """Functions of sql/ that have another text in the database, or are not there. Overloads are not told apart."""
    rows = await patient.ask("functions")
    there: dict[str, set[str]] = {}
    for row in rows:
        there.setdefault(row["name"], set()).add(row["body"].strip())
    return sorted(
        f"function {name} is {'not that of its file' if name in there else 'missing'}"
        for name, body in _written().items()
        if body not in there.get(name, set())
    )


def _written() -> dict[str, str]:
    files = [*(migrations.SQL / "functions").glob("*.sql"), *(migrations.SQL / "triggers").glob("*.sql")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return {_qualified(found["name"]): found["body"].strip() for found in FUNCTION.finditer(text)}


def _qualified(name: str) -> str:
    return name if "." in name else f"public.{name}"


async def restore(patient: Patient) -> list[Finding]:
    """Data that has come to another server, timeline or table than it was last known on (S13)."""
    row = await patient.ask_one("identity")
    if row["known_queue_oid"] is None:
        return [_reminder("nobody knows where this data was before")]
    changed = [name for name in ("system_identifier", "timeline", "queue_oid") if _differs(row, name)]
    if not changed:
        return [ok("restore", f"the data is where it was noted on {moment(row['known_since'])}")]
    words = {
        "system_identifier": "another server",
        "timeline": "another timeline (a restore or a promotion)",
        "queue_oid": "a loaded dump",
    }
    return [_reminder(f"the data has moved since {moment(row['known_since'])}: {words[changed[0]]}")]


def _differs(row: asyncpg.Record, name: str) -> bool:
    """What may not be seen proves nothing."""
    return row[name] is not None and row[f"known_{name}"] is not None and row[name] != row[f"known_{name}"]


def _reminder(said: str) -> Finding:
    step = (
        "after a restore stop the workers and run `rowmill recovered`; "
        "after a promotion that lost nothing, `rowmill recovered --note-only`"
    )
    return warning("restore", said, step)
