"""Retries and cancels tasks, in pages and bounded batches; every one through the functions of the SQL contract, which
refuse what a state does not allow. Prints nothing but a progress bar."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import asyncpg

from core.cli.filters import Filters, Status
from core.cli.sentences import explained
from core.cli.showing import progress_bar
from core.db import catalogs
from core.db.connect import Connection

PAGE: Final = 5000  # tasks looked at in one statement
BATCH: Final = 200  # tasks changed in one transaction: it holds their rows, and a worker's commit may want one
EXAMPLES: Final = 20  # refusals told


@dataclass(frozen=True, slots=True)
class Verb:
    """What can be done to tasks: the statement's name, the states it is allowed in, those meant when none is given."""

    name: str
    allowed: tuple[Status, ...]
    meant: tuple[Status, ...]
    done: str


RETRY: Final = Verb("retry", ("failed", "cancelled", "completed"), ("failed",), "will run again")
CANCEL: Final = Verb(
    "cancel", ("pending", "waiting", "processing"), ("pending", "waiting", "processing"), "cancelled, or asked to stop"
)


@dataclass(slots=True)
class Changed:
    """What came of it: the contract's answer, or the sentence of a refusal, by id."""

    answers: dict[UUID, str] = field(default_factory=dict)
    refused: dict[UUID, str] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """The same for tasks by the thousand: counts, and the first few refusals."""

    changed: int = 0
    refused: int = 0
    examples: list[tuple[UUID, str]] = field(default_factory=list)

    def add(self, batch: Changed) -> None:
        self.changed += len(batch.answers)
        self.refused += len(batch.refused)
        self.examples = [*self.examples, *batch.refused.items()][:EXAMPLES]


async def counted_tasks(connection: Connection, filters: Filters) -> tuple[Counter[tuple[str, str]], UUID | None]:
    """Tasks by type and status, and the last of them: what is made later is not meant."""
    counts: Counter[tuple[str, str]] = Counter()
    last: UUID | None = None
    with progress_bar("counting", None) as bar:
        async for page in _pages(connection, filters, PAGE):
            counts.update((row["task_type"], row["status"]) for row in page)
            last = page[-1]["id"]
            bar.advance(len(page))
    return counts, last


async def _pages(connection: Connection, filters: Filters, rows: int) -> AsyncIterator[list[asyncpg.Record]]:
    after: UUID | None = None
    while page := await catalogs.inspect()["tasks.page"].fetch(
        connection, **filters.values(), after=after, run_limit=rows
    ):
        yield page
        after = page[-1]["id"]


async def applied(connection: Connection, verb: Verb, filters: Filters, last: UUID | None, total: int) -> Tally:
    """Changes the matching tasks up to the last that was counted, oldest first."""
    tally = Tally()
    if last is None:
        return tally
    with progress_bar(verb.name, total) as bar:
        async for page in _pages(connection, filters, BATCH):
            ids = [row["id"] for row in page if row["id"] <= last]
            tally.add(await _applied_together(connection, verb, ids))
            bar.advance(len(ids))
            if len(ids) < len(page):
                break
    return tally


async def _applied_together(connection: Connection, verb: Verb, ids: Sequence[UUID]) -> Changed:
    """All in one transaction; if one of them is refused or a deadlock ended it, each for itself."""
    try:
        rows = await catalogs.inspect()[verb.name].fetch(connection, ids=ids)
    except asyncpg.PostgresError as error:
        if not of_one_task(error):
            raise
        return await applied_singly(connection, verb, ids)
    return Changed({row["id"]: row["answer"] for row in rows})


async def applied_singly(connection: Connection, verb: Verb, ids: Sequence[UUID]) -> Changed:
    """Each task in a transaction of its own; a refusal is noted and the next one tried."""
    changed = Changed()
    for task_id in ids:
        try:
            rows = await catalogs.inspect()[verb.name].fetch(connection, ids=[task_id])
            changed.answers[task_id] = rows[0]["answer"]
        except asyncpg.PostgresError as error:
            if not of_one_task(error):
                raise
            changed.refused[task_id] = explained(error) or str(error)
    return changed


def of_one_task(error: asyncpg.PostgresError) -> bool:
    """A refusal of the contract, a lock held for long, a deadlock: the next task may be none of these."""
    return (error.sqlstate or "").startswith("RM") or error.sqlstate in {"55P03", "40P01", "40001"}
