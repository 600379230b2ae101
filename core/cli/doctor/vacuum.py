"""What makes a queue in PostgreSQL slow: old row versions, who keeps them, and indexes that do not work."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import asyncpg

from core.cli.doctor.findings import Finding, ok, problem, warning
from core.cli.doctor.patient import Patient
from core.cli.showing import age, counted, duration

OLD_S: Final = 300.0
VERY_OLD_S: Final = 3600.0
FAR_BEHIND: Final = 1_000_000  # transactions
DEAD: Final = 10_000
DEAD_PART: Final = 0.5
WRAPAROUND_WARNING: Final = 1_000_000_000  # of two thousand million
WRAPAROUND_PROBLEM: Final = 1_600_000_000


async def blockers(patient: Patient) -> list[Finding]:
    """Sessions, slots and prepared transactions that keep dead rows alive: with pid, age and statement."""
    found = [each for row in await patient.ask("blockers") if (each := _blocker(row))]
    return found or [ok("vacuum", "nothing keeps dead rows alive for long")]


def _blocker(row: asyncpg.Record) -> Finding | None:
    old_s, behind = row["age_s"], row["transactions_behind"]
    if row["source"] == "replication slot":
        if row["state"] == "active" and behind < FAR_BEHIND:
            return None
        said = f"the {row['state']} replication slot {row['name']!r} holds back vacuum by {behind:,} transactions"
        return _graded(
            behind >= FAR_BEHIND, said, f"select pg_drop_replication_slot('{row['name']}'), if nobody needs it"
        )
    if old_s is None or old_s < OLD_S:
        return None
    long = duration(timedelta(seconds=old_s))
    if row["source"] == "prepared transaction":
        said = f"the prepared transaction {row['name']!r} has been open for {long}"
        return _graded(old_s >= VERY_OLD_S, said, f"commit prepared '{row['name']}', or roll it back")
    doing = f"{row['state']}, {row['query']}" if row["query"] else row["state"]
    who = f"the {row['source']} with pid {row['pid']} ({row['name'] or 'unnamed'})"
    said = f"{who} has a transaction open for {long}: {doing}"
    return _graded(old_s >= VERY_OLD_S, said, f"end it, or: select pg_terminate_backend({row['pid']})")


def _graded(bad: bool, said: str, step: str) -> Finding:  # noqa: FBT001 - the grade itself
    return problem("vacuum", said, step) if bad else warning("vacuum", said, step)


async def bloat(patient: Patient) -> list[Finding]:
    """Tables in which most rows are dead."""
    now = (await patient.ask_one("server"))["now"]
    found = [
        warning(
            "bloat",
            f"{row['name']} has {row['dead']:,} dead rows beside {row['live']:,} live ones, "
            f"vacuumed {age(row['vacuumed_at'], now) or 'never'}",
            f"vacuum {row['name']}; if that does not help, see what holds it back above",
        )
        for row in await patient.ask("tables")
        if row["dead"] > DEAD and row["dead"] > DEAD_PART * row["live"]
    ]
    found += [
        problem("index", f"the index {row['name']} is invalid: nothing uses it, and it costs", f"reindex {row['name']}")
        for row in await patient.ask("invalid_indexes")
    ]
    return found or [ok("bloat", "dead rows are few, and every index is valid")]


async def wraparound(patient: Patient) -> list[Finding]:
    old = (await patient.ask_one("health"))["transaction_id_age"]
    if old < WRAPAROUND_WARNING:
        return [ok("wraparound", f"the oldest transaction id is {counted(old, 'transaction')} old")]
    said = f"the oldest transaction id is {old:,} transactions old; at about 2,100,000,000 the server stops writing"
    step = "find what holds back vacuum above, then run vacuumdb --all --freeze"
    return [problem("wraparound", said, step) if old > WRAPAROUND_PROBLEM else warning("wraparound", said, step)]
