"""A COMMIT that waits (for a standby that is away) when its connection is cut: nobody decides before it has ended."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from core import domains
from core.db.connect import Connection
from core.db.embedded import EmbeddedServer
from core.db.migrate import migrate
from core.queue.commit.committer import Committer
from core.queue.run import Run
from tests.committing import Bench, benches_on, tuples
from tests.proxy import Loss, Proxy
from tests.running import until
from tests.toy.model import AddNote, SetValue
from tests.witnesses.plain_re_read import was_committed


@pytest.fixture(scope="module")
def durable_dsn() -> Iterator[str]:
    """A server of our own, with durable commits and the toy domain."""
    folder = Path(tempfile.mkdtemp(prefix="rowmill-limbo-"))
    folder.chmod(0o755)
    try:
        with EmbeddedServer(folder / "server", durable=True, explicit=True) as server:
            asyncio.run(migrate(server.dsn(), domains.discover(["tests.toy"])))
            yield server.dsn()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
async def admin(durable_dsn: str) -> AsyncIterator[Connection]:
    """A session whose own commits never wait for a standby."""
    session = await asyncpg.connect(durable_dsn, server_settings={"synchronous_commit": "local"})
    try:
        await session.execute(
            "begin; set local rowmill.retaining = 'on';"
            "truncate task_queue, robot_input_events, toy_rows, toy_edits, toy_notes; commit"
        )
        yield session
    finally:
        await session.close()


@pytest.fixture
async def limbo(durable_dsn: str) -> AsyncIterator[tuple[Bench, Proxy]]:
    async with Proxy(durable_dsn) as proxy, benches_on(durable_dsn) as benches:
        yield benches(dsn=proxy.dsn), proxy


@asynccontextmanager
async def standby_away(admin: Connection, dsn: str) -> AsyncIterator[None]:
    """Every durable commit waits until the end of this block; proven by one that does."""
    probe = await asyncpg.connect(dsn, server_settings={"application_name": "probe"})
    await admin.execute("alter system set synchronous_standby_names = 'nobody'")
    await admin.execute("select pg_reload_conf()")
    commits = asyncio.create_task(_commit_again_and_again(probe))
    try:
        await until(lambda: is_waiting_for_a_standby(admin, "probe"))
        yield
    finally:
        await admin.execute("alter system reset synchronous_standby_names")
        await admin.execute("select pg_reload_conf()")
        commits.cancel()
        probe.terminate()


async def _commit_again_and_again(probe: Connection) -> None:
    with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError):
        while True:
            await probe.execute("create table probe (); drop table probe")


async def is_waiting_for_a_standby(admin: Connection, application: str) -> bool:
    found: bool = await admin.fetchval(
        "select exists (select from pg_stat_activity where application_name = $1 and wait_event = 'SyncRep')",
        application,
    )
    return found


async def is_waiting_for_the_fence_rows(admin: Connection) -> bool:
    found: bool = await admin.fetchval(
        "select exists (select from pg_stat_activity where application_name = 'rowmill commit' "
        "and wait_event_type = 'Lock')"
    )
    return found


async def test_nothing_is_decided_while_a_cut_commit_waits(
    admin: Connection, limbo: tuple[Bench, Proxy], durable_dsn: str
) -> None:
    await decided_only_when_known(admin, *limbo, durable_dsn)


async def test_witness_a_plain_re_read_decides_too_early(
    admin: Connection, limbo: tuple[Bench, Proxy], durable_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Committer, "_was_committed", was_committed)
    with pytest.raises(AssertionError):
        await decided_only_when_known(admin, *limbo, durable_dsn, waiting_s=2)


async def decided_only_when_known(
    admin: Connection, bench: Bench, proxy: Proxy, dsn: str, waiting_s: float = 30
) -> None:
    runs = await bench.runs(admin, 3)
    async with standby_away(admin, dsn):
        proxy.orders.append(Loss.LIMBO)
        for run in runs:
            bench.add(run, [SetValue(1, str(run.id)), AddNote("once")])
        await until(lambda: is_waiting_for_a_standby(admin, "rowmill commit"))
        await until(lambda: is_waiting_for_the_fence_rows(admin), waiting_s, "a re-read that waits")
        assert bench.ends == {}
    ends = await bench.settled()
    assert [end and end.status for end in ends.values()] == ["completed"] * 3
    await written_once(admin, runs)


async def test_a_middle_commit_beside_a_final_one_in_limbo_is_not_written_again(
    admin: Connection, limbo: tuple[Bench, Proxy], durable_dsn: str
) -> None:
    bench, proxy = limbo
    final, midway = await bench.runs(admin, 2)
    async with standby_away(admin, durable_dsn):
        proxy.orders.append(Loss.LIMBO)
        bench.add(final, [AddNote("final")])
        waiter = bench.add_midway(midway, [AddNote("midway")])
        await until(lambda: is_waiting_for_the_fence_rows(admin))
        assert not waiter.done()
    await bench.settled()
    assert waiter.result() is None
    assert await tuples(admin, "select note from toy_notes order by note") == [("final",), ("midway",)]


async def written_once(admin: Connection, runs: list[Run]) -> None:
    assert await tuples(admin, "select status, attempts, run_no from task_queue") == [("completed", 1, 1)] * len(runs)
    assert await admin.fetchval("select count(*) from toy_notes") == len(runs)
    assert await admin.fetchval("select count(*) from toy_edits") == len(runs)
    assert await tuples(admin, "select success from robot_input_events") == [(True,)] * len(runs)
