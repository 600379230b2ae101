"""The life of a draft as a state machine of hypothesis, against the database: whatever people do in whatever order, it
stays within its table of moves, an approval is of its text, and at most one mail leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.cli.acting import Acting
from core.db.connect import Connection, Slots
from core.errors import CommandRefused
from core.settings import Settings
from tests.running import Database, Workers, ended, enqueue
from tests.workers.deals.seeds import Seeded, add_email, draft_row, seed, sha256
from workers.deals.desk import Desk
from workers.deals.model import MOVES, DealsRefused
from workers.deals.rules.commands import MOST

TEXTS = (
    "Hi Sarah,\n\nThe Foundry has parking.",
    "Hi Sarah,\n\nThe Foundry rents for $1 a month.",
    "Hi Sarah, soon more.",
)
TYPES = ("deals.send_draft", "deals.regenerate_draft", "deals.generate_draft")


class World:
    """What the machine needs of the test: its loop runs elsewhere, in the test's own thread."""

    def __init__(self, db: Connection, desk: Desk, seeded: Seeded, loop: asyncio.AbstractEventLoop) -> None:
        self.db, self.desk, self.seeded, self._loop = db, desk, seeded, loop

    def do(self, work: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(60)

    async def new_draft(self) -> int:
        email_id = await add_email(self.db, self.seeded.deal_id)
        await ended(self.db, await enqueue(self.db, "deals.generate_draft", {"email_id": email_id}))
        found: int = await self.db.fetchval("select id from email_drafts where inbound_email_id = $1", email_id)
        return found

    async def acts(self) -> int:
        """How much people have done so far."""
        found: int = await self.db.fetchval("select count(*) from audit_events where user_id is not null")
        return found

    async def worked(self) -> None:
        """Workers have done what there was to do."""
        for row in await self.db.fetch("select id from task_queue where status in ('pending', 'processing')"):
            await ended(self.db, row["id"])


def machine(world: World) -> type[RuleBasedStateMachine]:  # noqa: C901 - a rule for each thing that people do
    class Life(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.draft_id, self.before, self.refused = 0, {}, False  # type: tuple[int, dict[str, Any], bool]

        @initialize()
        def begin(self) -> None:
            self.draft_id = world.do(world.new_draft())
            self.before = self.now()

        def now(self) -> dict[str, Any]:
            row: dict[str, Any] = world.do(draft_row(world.db, self.draft_id))
            return row

        def act(self, work: Callable[[int], Awaitable[Any]], *, wait: bool = True) -> None:
            version, done = self.now()["version"], world.do(world.acts())
            try:
                world.do(work(version))
            except DealsRefused:
                assert world.do(world.acts()) == done  # a worker may have moved the row meanwhile, nobody else
            except CommandRefused as error:
                self.refused = error.why in {"stale", "busy"}
                assert self.refused
            if wait:
                world.do(world.worked())

        @rule(override=st.sampled_from([None, "I know better"]))
        def approve(self, override: str | None) -> None:
            self.act(lambda version: world.desk.approve(self.draft_id, version, override))

        @rule(body=st.sampled_from(TEXTS))
        def edit(self, body: str) -> None:
            self.act(lambda version: world.desk.edit(self.draft_id, version, body))

        @rule(to=st.integers(0, 4))
        def switch(self, to: int) -> None:
            self.act(lambda version: world.desk.switch(self.draft_id, version, to))

        @rule()
        def regenerate(self) -> None:
            self.act(lambda version: world.desk.regenerate(self.draft_id, version, "shorter"))

        @rule(wait=st.booleans())
        def send(self, wait: bool) -> None:
            self.act(lambda version: world.desk.send(self.draft_id, version), wait=wait)

        @rule()
        def archive(self) -> None:
            self.act(lambda version: world.desk.archive(self.draft_id, version, "why not"))

        @rule()
        def restore(self) -> None:
            self.act(lambda version: world.desk.restore(self.draft_id, version))

        @rule(arrived=st.booleans())
        def resolve(self, arrived: bool) -> None:
            self.act(lambda version: world.desk.resolve(self.draft_id, version, arrived=arrived))

        @rule()
        def archive_as_of_yesterday(self) -> None:
            before = self.now()
            self.act(lambda version: world.desk.archive(self.draft_id, version - 1, "late"))
            assert self.now()["archived_at"] == before["archived_at"]

        @invariant()
        def keeps_the_rules(self) -> None:
            if self.draft_id:
                after = self.now()
                _keeps_the_rules(self.before, after)
                self.before = after

    return Life


def _keeps_the_rules(before: dict[str, Any], after: dict[str, Any]) -> None:
    start, end = before["status"], after["status"]
    by_worker = (start, "approved") in MOVES and end == "sent"  # a task that was asked for has moved it on
    assert start == end or (start, end) in MOVES or by_worker, (start, end)
    if end in {"approved", "sent"}:
        assert after["approved_sha256"] == sha256(after["final_body"])
    if before["sent_at"] is not None:
        assert (after["final_body"], after["sent_email_id"]) == (before["final_body"], before["sent_email_id"])
        assert end in {"sent", "archived"}
    assert 0 <= after["regeneration_count"] <= MOST


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")  # the worker's own thread draws
async def test_whatever_people_do_a_draft_stays_within_its_rules(
    database: Database, db: Connection, workers: Workers, outbox: Path
) -> None:
    seeded = await seed(db)
    user_id = await db.fetchval("insert into users (email) values ('rita@example.org') returning id")
    await workers.start(*TYPES)
    slots = Slots(database.dsn, Settings(), "test", 2)
    person = Acting(slots, "workers.deals", user_id, "rita@example.org")
    world = World(db, Desk(person.read, person.apply, person.email, None), seeded, asyncio.get_running_loop())
    chosen = settings(
        max_examples=20,
        stateful_step_count=15,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    await asyncio.to_thread(run_state_machine_as_test, machine(world), settings=chosen)
    await world.worked()
    await slots.close()
    sent = await db.fetchval("select count(*) from emails where direction = 'outbound'")
    assert len(list(outbox.glob("*"))) == sent  # chance may have sent none: then there is no folder
    assert await db.fetchval("select count(*) from email_drafts where sent_email_id is not null") == sent
