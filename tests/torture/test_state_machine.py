"""T26 against PostgreSQL: the steps of the claim model, chosen by hypothesis, through the engine's own claim, fence,
commit, beat and reap; the checker judges after every step."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from core import domains, state
from core.db import catalogs
from core.db.connect import Connection
from core.queue.claim import Claimer
from core.queue.commit.batch import Finished
from core.queue.commit.transaction import Fates, Transaction
from core.queue.commit.writes import Appeared
from core.queue.run import Run
from core.registry import Operator, operators
from core.settings import Settings
from tests.running import until
from tests.torture import checker
from tests.torture.domain.model import Mark, SetSlot
from tests.torture.stage import DOMAIN, Stage

Answer = TypeVar("Answer")
EMPTY = """
begin; set local rowmill.retaining = 'on';
truncate task_queue, robot_input_events, torture_effects, torture_edits, torture_slots, torture_moves, rowmill.workers;
commit
"""
PHASES = (Phase.generate, Phase.shrink)
SETTINGS = Settings()
WORKERS = st.integers(0, 2)
WHICH = st.integers(0, 5)


class Worker:
    """A process by the hand of the machine: what it holds in memory, and its commit under way."""

    def __init__(self, dsn: str) -> None:
        self.worker_id = str(uuid.uuid4())
        self.claimer = Claimer(dsn, SETTINGS, self.worker_id)
        self.holds: dict[UUID, Run] = {}
        self.flight: tuple[Connection, Finished, Fates] | None = None


class Machine(RuleBasedStateMachine):
    """Three workers and a few tasks."""

    def __init__(self, dsn: str, loop: asyncio.AbstractEventLoop, judge: Connection) -> None:
        super().__init__()
        self._dsn, self._loop, self._db = dsn, loop, judge
        self._do(self._db.execute(EMPTY))
        self._workers = [Worker(dsn) for _ in range(3)]
        self._ids: list[UUID] = []
        for worker in self._workers:
            self._beat(worker)

    def _do(self, work: Awaitable[Answer]) -> Answer:
        return self._loop.run_until_complete(work)

    def _engine(self, name: str, **values: Any) -> list[asyncpg.Record]:
        return self._do(catalogs.engine()[name].fetch(self._db, **values))

    def _operator(self) -> Operator:
        return operators()["torture.work"]

    # --- the steps ---

    @rule()
    def enqueue(self) -> None:
        n = len(self._ids)
        slot = f', "slot": {n % 2}' if n % 2 else ""
        sql = "insert into task_queue (task_type, payload) values ('torture.work', $1) returning id"
        self._ids.append(self._do(self._db.fetchval(sql, f'{{"n": {n}{slot}}}')))

    @rule(w=WORKERS, limit=st.integers(1, 3))
    def claim(self, w: int, limit: int) -> None:
        worker = self._workers[w]
        for run in self._do(worker.claimer.claim(self._operator(), limit)):
            worker.holds[run.id] = run

    @rule(w=WORKERS)
    def lose_the_claims_answer(self, w: int) -> None:
        self._do(self._workers[w].claimer.claim(self._operator(), 1))

    @precondition(lambda self: any(worker.flight is None and worker.holds for worker in self._workers))
    @rule(which=WHICH, ends=st.sampled_from(["commit", "lose", "fly"]))
    def finish(self, which: int, ends: str) -> None:
        """Fence, effects, completion; then COMMIT, or its loss, or it stays under way."""
        able = [worker for worker in self._workers if worker.flight is None and worker.holds]
        worker = able[which % len(able)]
        run = list(worker.holds.values())[which % len(worker.holds)]
        n = self._ids.index(run.id)
        effects = [Mark(n), *([SetSlot(n % 2, f"{n}")] if n % 2 else [])]
        finished = Finished(run, effects, state.completed())
        session = self._do(asyncpg.connect(self._dsn))
        try:
            fates = self._do(Transaction(session, DOMAIN, worker.worker_id).prepare([finished]))
        except (Appeared, asyncpg.PostgresError):  # a row that another commit under way has made: tried again later
            session.terminate()
            return
        worker.flight = (session, finished, fates)
        if ends != "fly":
            self._land(worker, written=ends == "commit")

    @precondition(lambda self: any(worker.flight for worker in self._workers))
    @rule(which=WHICH, written=st.booleans())
    def land(self, which: int, written: bool) -> None:
        flying = [worker for worker in self._workers if worker.flight]
        self._land(flying[which % len(flying)], written=written)

    def _land(self, worker: Worker, *, written: bool) -> None:
        assert worker.flight is not None
        session, finished, fates = worker.flight
        worker.flight = None
        if written:
            self._do(session.execute("commit"))
            if finished not in fates.deferred:
                worker.holds.pop(finished.run.id, None)
            self._do(session.close())
        else:
            pid = session.get_server_pid()
            session.terminate()
            self._do(self._gone(pid))

    async def _gone(self, pid: int) -> None:
        async def look() -> bool:
            return not await self._db.fetchval("select true from pg_stat_activity where pid = $1", pid)

        await until(look, what="the end of a session")

    @rule(w=WORKERS)
    def beat(self, w: int) -> None:
        worker = self._workers[w]
        self._beat(worker)
        mine = self._engine("my_claims", worker_id=worker.worker_id, grace_s=0.0)
        stranded = [
            row for row in mine if row["id"] not in worker.holds or worker.holds[row["id"]].run_no != row["run_no"]
        ]
        self._engine(
            "give_back",
            worker_id=worker.worker_id,
            ids=[row["id"] for row in stranded],
            run_nos=[row["run_no"] for row in stranded],
            started=[False] * len(stranded),
            reason="given back",
        )

    def _beat(self, worker: Worker) -> None:
        known: dict[str, Any] = {"host": "here", "pid": 1, "lease_s": 3600.0, "code_version": "", "woken_by": "bells"}
        self._engine("beat", worker_id=worker.worker_id, task_types=["torture.work"], draining=False, **known)

    @rule(w=WORKERS)
    def stall_past_the_lease(self, w: int) -> None:
        sql = "update rowmill.workers set lease_until = clock_timestamp() where worker_id = $1"
        self._do(self._db.execute(sql, self._workers[w].worker_id))

    @rule()
    def reap(self) -> None:
        self._engine("reap", worker_id=None, run_limit=10)

    @rule(w=WORKERS)
    def crash(self, w: int) -> None:
        """Its session ends with it, and its lease a while later; a new process takes its place."""
        worker = self._workers[w]
        if worker.flight is not None:
            self._land(worker, written=False)
        self._do(worker.claimer.close())
        self.stall_past_the_lease(w)
        self._workers[w] = Worker(self._dsn)
        self._beat(self._workers[w])

    @precondition(lambda self: self._ids)
    @rule(which=st.integers(0, 20))
    def cancel(self, which: int) -> None:
        session = self._do(asyncpg.connect(self._dsn, server_settings={"lock_timeout": "50ms"}))
        with contextlib.suppress(asyncpg.LockNotAvailableError, asyncpg.RaiseError, asyncpg.PostgresError):
            self._do(session.execute("select cancel_task($1)", self._ids[which % len(self._ids)]))
        self._do(session.close())

    # --- the judgement ---

    def teardown(self) -> None:
        """Everybody lands and finishes; then nothing may be broken, and nothing left."""
        try:
            for worker in self._workers:
                if worker.flight is not None:
                    self._land(worker, written=True)
            found = self._do(checker.check(self._dsn, lease_s=3600))
            assert found == [], "; ".join(map(str, found))
        finally:
            for worker in self._workers:
                self._do(worker.claimer.close())


@pytest.fixture
def machine_dsn(stage: Stage) -> str:
    name = f"machine_{uuid.uuid4().hex[:8]}"
    domains.load(domains.discover([DOMAIN]), "operators")
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_prepare(stage, name))
    loop.close()
    return stage.main.dsn(name)


async def _prepare(stage: Stage, name: str) -> None:
    await stage.create(name)
    session = await asyncpg.connect(stage.main.dsn(name))
    await checker.watch(session)
    await session.close()


def _machines(dsn: str, examples: int) -> None:
    loop = asyncio.new_event_loop()
    judge = loop.run_until_complete(asyncpg.connect(dsn))

    class Here(Machine):
        def __init__(self) -> None:
            super().__init__(dsn, loop, judge)

    try:
        run_state_machine_as_test(
            Here,
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=PHASES,
            ),
        )
    finally:
        loop.run_until_complete(judge.close())
        loop.close()


def test_no_sequence_of_steps_breaks_an_invariant(machine_dsn: str) -> None:
    _machines(machine_dsn, 40)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_no_long_sequence_of_steps_breaks_an_invariant(machine_dsn: str) -> None:
    _machines(machine_dsn, 2000)
