"""`rowmill recovered`: the step after a restore or a point-in-time recovery, before workers start.

What was running when the backup was taken runs nowhere now. It goes back without a used attempt; worker rows and bells
of processes that never were on this server go; the versions jump over the lost span. Then each domain that has a
statement `recovered` in its queries.sql marks what a person must look at: it may use `:since`, about when the backup
was taken, and tells each row it marked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import asyncpg
import orjson
from cyclopts import Parameter

from core import domains
from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.showing import Json, console, moment, pairs, print_json, progress_bar
from core.db import catalogs
from core.db.connect import Connection
from core.domains import Domain
from core.errors import RowmillError
from core.settings import Settings

BATCH: Final = 500
VERSIONS: Final = 1_000_000_000  # more than a lost span can have handed out; bigint has room for nine billion of these
REASON: Final = "restored from a backup that was taken while this ran"
LOOK_S: Final = 0.2


class StillAtWork(RowmillError):
    """A worker lives on the restored database."""


NoteOnly = Annotated[
    bool,
    Parameter(
        name="--note-only",
        negative="",
        help="Only note the new server: after a promotion that lost nothing, workers on.",
    ),
]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done."""

    recovery_no: int
    since: datetime | None
    given_back: Counter[str]
    marked: dict[str, int]

    def document(self) -> dict[str, Any]:
        return {
            "recovery_no": self.recovery_no,
            "since": self.since,
            "tasks_given_back": dict(self.given_back),
            "marked": self.marked,
        }


def recovered(*, note_only: NoteOnly = False, as_json: Json = False, data_dir: DataDir = None) -> None:
    """After a restore, before workers start: give back what ran when the backup was taken, note the new server."""
    installed = domains.discover(Settings().domains)
    found = ask(data_dir, note if note_only else lambda connection: recover(connection, installed))
    if as_json:
        print_json(found.document())
        return
    told = [
        ("recovery", found.recovery_no),
        ("backup of about", moment(found.since)),
        ("tasks given back", f"{found.given_back.total():,}"),
        *((f"  {name}", f"{number:,}") for name, number in sorted(found.given_back.items())),
        *((f"marked by {name}", f"{number:,}") for name, number in sorted(found.marked.items())),
    ]
    console().print(pairs(told))
    if not note_only:
        console().print("Start the workers now, for example with `rowmill work`.")


async def note(connection: Connection) -> Recovery:
    """A promotion that lost nothing stops nobody: only the new place is written down, for `rowmill doctor`."""
    async with connection.transaction():
        noted = await _note(connection, Counter(), {}, None)
    return Recovery(noted["recovery_no"], None, Counter(), {})


async def recover(connection: Connection, installed: Sequence[Domain]) -> Recovery:
    """All of it, on a database where no worker lives. A second call finds nothing to give back. Raises StillAtWork."""
    await _refuse_living(connection)
    statements = catalogs.operate()
    since: datetime | None = (await statements["recovered.newest_trace"].fetch(connection))[0]["at"]
    given_back = await _give_back(connection)
    async with connection.transaction():
        await statements["recovered.forget_processes"].fetch(connection)
        await statements["recovered.raise_versions"].fetch(connection, step=VERSIONS)
        marked = {each.name: await _mark(connection, each, since) for each in installed if _marks(each)}
        noted = await _note(connection, given_back, marked, since)
    return Recovery(noted["recovery_no"], since, given_back, marked)


async def _refuse_living(connection: Connection) -> None:
    """A session of a worker says so at once. A lease may be as old as the backup: it is watched until it is over."""
    if sessions := await catalogs.operate()["recovered.sessions"].fetch(connection):
        where = sessions[0]["address"] or "this machine"
        raise StillAtWork(
            f"a worker is connected ({sessions[0]['application_name']}, from {where}); "
            "stop all workers, then run `rowmill recovered` again"
        )
    begun = {row["worker_id"]: row["beat_at"] for row in await _leases(connection)}
    with progress_bar("waiting for leases of the backup to run out", None):
        while left := await _leases(connection):
            for row in left:
                if begun.get(row["worker_id"]) != row["beat_at"]:
                    raise StillAtWork(
                        f"the worker {row['worker_id']} on {row['host']} (pid {row['pid']}) beats; "
                        "stop all workers, then run `rowmill recovered` again"
                    )
            await asyncio.sleep(min(LOOK_S, max(row["left_s"] for row in left) + 0.01))


async def _leases(connection: Connection) -> list[asyncpg.Record]:
    return await catalogs.operate()["recovered.leases"].fetch(connection)


async def _give_back(connection: Connection) -> Counter[str]:
    given_back: Counter[str] = Counter()
    statements = catalogs.operate()
    with progress_bar("giving back", None) as bar:
        while True:
            async with connection.transaction():
                await statements["recovered.own_updates"].fetch(connection)
                rows = await statements["recovered.give_back"].fetch(connection, run_limit=BATCH, reason=REASON)
            given_back.update(row["task_type"] for row in rows)
            bar.advance(len(rows))
            if len(rows) < BATCH:
                return given_back


def _marks(domain: Domain) -> bool:
    return "recovered" in catalogs.of_package(domain.package)


async def _mark(connection: Connection, domain: Domain, since: datetime | None) -> int:
    return len(await catalogs.of_package(domain.package)["recovered"].fetch(connection, since=since))


async def _note(
    connection: Connection, given_back: Counter[str], marked: dict[str, int], since: datetime | None
) -> asyncpg.Record:
    statements = catalogs.operate()
    noted = (await statements["recovered.note"].fetch(connection, tasks=given_back.total()))[0]
    facts = {"tasks_given_back": dict(given_back), "marked": marked, "since": since}
    await statements["recovered.audit"].fetch(
        connection, recovery_no=noted["recovery_no"], facts=orjson.dumps(facts).decode()
    )
    return noted
