"""The four signs that it is time to scale (D4.18), and the queue of bells."""

from __future__ import annotations

from typing import Final

from core.cli.doctor.findings import Finding, ok, warning
from core.cli.doctor.patient import Patient
from core.cli.showing import counted

POOL_PERCENT: Final = 80
QUERY_MS: Final = 500.0
TABLE_ROWS: Final = 1_000_000
USERS: Final = 100
BELLS_PART: Final = 0.01


async def connections(patient: Patient) -> list[Finding]:
    row = await patient.ask_one("health")
    percent = 100 * row["connections"] / row["max_connections"]
    said = f"{row['connections']} of {row['max_connections']} connections are in use, {percent:.0f} %"
    if percent > POOL_PERCENT:
        step = "run fewer processes, lower ROWMILL_POOL_MAX, raise max_connections, or put PgBouncer in front"
        return [warning("connections", said, step)]
    return [ok("connections", said)]


async def queries(patient: Patient) -> list[Finding]:
    if not (await patient.ask_one("health"))["has_slow_queries"]:
        return [ok("queries", "slow queries are not known: the extension pg_stat_statements is not installed")]
    found = [
        warning(
            "queries",
            f"a statement takes {row['mean_ms']:,.0f} ms on average over {row['calls']:,} calls: {row['query']}",
            "explain it (docs/troubleshooting.md, Useful psql), and give it an index or less to read",
        )
        for row in await patient.ask("slow", limit_ms=QUERY_MS)
    ]
    return found or [ok("queries", f"no statement takes more than {QUERY_MS:.0f} ms on average")]


async def tables(patient: Patient) -> list[Finding]:
    found = [
        warning(
            "tables",
            f"{row['name']} has about {row['rows']:,} rows",
            "shorten the retention (`rowmill retention --dry-run`), or plan for partitions and a larger server",
        )
        for row in await patient.ask("tables")
        if row["rows"] > TABLE_ROWS
    ]
    return found or [ok("tables", f"no table has more than {TABLE_ROWS:,} rows")]


async def users(patient: Patient) -> list[Finding]:
    number = (await patient.ask_one("users"))["users"]
    said = f"{counted(number, 'user')} with an open session"
    if number > USERS:
        return [warning("users", said, "watch `rowmill top`; run the web and the workers on machines of their own")]
    return [ok("users", said)]


async def bells(patient: Patient) -> list[Finding]:
    part = (await patient.ask_one("health"))["bells_pending"]
    said = f"the queue of notifications is {100 * part:.0f} % full"
    if part > BELLS_PART:
        step = "a listener sits in a transaction: find it in `select * from monitoring.blockers_of_vacuum`, and end it"
        return [warning("bells", said, step)]
    return [ok("bells", said)]
