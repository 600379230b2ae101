"""A task that waits holds no worker, and its signal continues it exactly once: early, late, twice, or at the same
time."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.db.connect import Connection
from core.state import Awaited, waiting
from tests.committing import Bench, Benches, benches
from tests.core.queue.doors import entered, held, open_door
from tests.core.queue.waits import asks, notes, signalled, waits
from tests.running import SOMEBODY_WAITS, Database, Workers, all_ended, ended, enqueue, task_row, until
from tests.toy.operators import ACTS

__all__ = ["benches"]

LOSE_THE_LOCK = """
create or replace function rowmill.signal_lock(p_signal text) returns bigint
language sql volatile as 'select (random() * 1e15)::bigint'
"""


@pytest.fixture
def bench_of_acts(benches: Benches) -> Bench:
    return benches("toy.act")


# --- the usual way ---------------------------------------------------------------------------------------------------


async def test_a_waiting_task_has_written_its_effects_and_holds_no_worker(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "paid:1")
    row = await task_row(db, task_id)
    assert (row["status"], row["attempts"], json.loads(row["output"])) == ("waiting", 0, {"asked": 1})
    assert await notes(db) == ["asks"]
    assert await db.fetchval("select count(*) from task_queue where status = 'processing'") == 0
    runs = await db.fetch("select run_no, success, error_message from robot_input_events")
    assert [tuple(run) for run in runs] == [(1, True, None)]


async def test_a_signal_by_its_key_continues_it_with_the_payload(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "paid:1")
    assert await signalled(db, "paid:1", "yes") == "continued"
    row = await ended(db, task_id)
    assert (row["status"], row["run_no"], row["attempts"]) == ("completed", 2, 1)
    assert await notes(db) == ["asks", "paid:1 says yes"]
    assert await db.fetchval("select count(*) from rowmill.waits") == 0
    assert await db.fetchval("select continued from rowmill.signals") == task_id


async def test_a_signal_to_its_id_continues_it_whatever_it_waits_for(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    first, second = await asks(db, "paid:1"), await asks(db, "paid:2")
    assert await db.fetchval("""select signal_task($1::uuid, '{"text": "typed"}')""", first) == "continued"
    assert await signalled(db, str(second), "as text") == "continued"
    await all_ended(db)
    assert await notes(db) == ["None says as text", "None says typed", "asks", "asks"]


async def test_each_wait_of_a_task_takes_one_signal_and_progress_is_kept(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "wait_for_each", "arg": ["a", "b", "c"]})
    for key in ("a", "b", "c"):
        await waits(db, task_id, key)
        await signalled(db, key, f"<{key}>")
    await ended(db, task_id)
    assert await notes(db) == ["<a> <b> <c>"]


async def test_a_failed_attempt_after_the_signal_is_tried_again_with_the_same_signal(
    db: Connection, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ACTS["wait"]

    async def once_broken(task: Any, arg: Any) -> Any:
        if task.run_no == 2:
            await task.commit([], progress={"kept": True})
            raise ValueError("broken")
        return await plain(task, arg)

    monkeypatch.setitem(ACTS, "wait", once_broken)
    await workers.start("toy.act")
    task_id = await asks(db, "k")
    await signalled(db, "k", "yes")
    row = await ended(db, task_id)
    assert (row["status"], row["run_no"], row["attempts"]) == ("completed", 3, 2)
    assert await notes(db) == ["asks", "k says yes"]


async def test_a_wait_gives_all_attempts_back(
    db: Connection, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ACTS["wait"]

    async def broken_in_front(task: Any, arg: Any) -> Any:
        if task.run_no <= 2:
            raise ValueError("broken")
        return await plain(task, arg)

    monkeypatch.setitem(ACTS, "wait", broken_in_front)
    await workers.start("toy.act")
    task_id = await asks(db, "k")
    assert (await task_row(db, task_id))["attempts"] == 0
    await signalled(db, "k", "yes")
    assert (await ended(db, task_id))["attempts"] == 1


# --- early, twice, many ----------------------------------------------------------------------------------------------


async def test_an_early_signal_is_kept_for_the_wait(db: Connection, workers: Workers) -> None:
    assert await signalled(db, "paid:1", "early") == "kept"
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "wait", "arg": {"signal": "paid:1"}})
    assert (await ended(db, task_id))["run_no"] == 2
    assert await notes(db) == ["asks", "paid:1 says early"]


async def test_an_early_signal_to_the_id_is_kept_for_the_wait(db: Connection, workers: Workers) -> None:
    task_id = await enqueue(db, "toy.act", {"act": "wait", "arg": {"signal": "x"}})
    assert await signalled(db, str(task_id), "early") == "kept"
    await workers.start("toy.act")
    await ended(db, task_id)
    assert await notes(db) == ["None says early", "asks"]


async def test_a_signal_sent_during_the_run_is_kept(db: Connection, workers: Workers) -> None:
    async def slow(task: Any, arg: Any) -> Any:
        if task.signal is None:
            await ACTS["at_the_door"](task, "slow")
        return await ACTS["wait"](task, arg)

    ACTS["slow_wait"] = slow
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "slow_wait", "arg": {"signal": "x"}})
    await entered("slow")
    assert await signalled(db, str(task_id), "meanwhile") == "kept"
    open_door("slow")
    await ended(db, task_id)
    assert await notes(db) == ["None says meanwhile", "asks"]


async def test_the_same_signal_again_changes_nothing(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id, mark = await asks(db, "k"), uuid4()
    assert await signalled(db, "k", "yes", mark) == "continued"
    assert await signalled(db, "k", "yes", mark) == "duplicate"
    await ended(db, task_id)
    assert await signalled(db, "k", "yes", mark) == "duplicate"
    assert await db.fetchval("select count(*) from rowmill.signals") == 1
    with pytest.raises(asyncpg.PostgresError) as refused:
        await signalled(db, "k", "no", mark)
    assert refused.value.sqlstate == "RM009"


async def test_two_sessions_send_the_same_signal_and_one_is_a_duplicate(database: Database, db: Connection) -> None:
    mark, first, second = uuid4(), await database.connect(), await database.connect()
    await first.execute("begin")
    assert await signalled(first, "k", "yes", mark) == "kept"
    other = asyncio.create_task(signalled(second, "k", "yes", mark))
    await until(lambda: db.fetchval(SOMEBODY_WAITS))
    await first.execute("commit")
    assert await other == "duplicate"
    assert await db.fetchval("select count(*) from rowmill.signals") == 1


async def test_of_many_waiters_each_signal_continues_one_the_oldest_first(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    tasks = [await asks(db, "k") for _ in range(4)]
    await db.execute("select pause_operator('toy.act', 'look first')")
    for number in range(3):
        assert await signalled(db, "k", str(number)) == "continued"
    query = "select id, output -> 'rowmill.signal' -> 'payload' ->> 'text' from task_queue order by id"
    assert [tuple(row) for row in await db.fetch(query)] == [*zip(tasks, ["0", "1", "2", None], strict=True)]


async def test_forty_sessions_and_forty_waiters_of_one_key_meet_in_pairs(
    database: Database, db: Connection, workers: Workers
) -> None:
    await workers.start("toy.act")
    await workers.start("toy.act")
    sessions = [await database.connect() for _ in range(8)]

    async def send(session: Connection, at: int) -> None:
        for number in range(5):
            await signalled(session, "k", f"{at}.{number}")

    async def wait_all() -> None:
        for _ in range(40):
            await enqueue(db, "toy.act", {"act": "wait", "arg": {"signal": "k"}})

    await asyncio.gather(wait_all(), *(send(session, at) for at, session in enumerate(sessions)))
    await until(
        lambda: db.fetchval("select count(*) = 40 from task_queue where status = 'completed'"), what="all forty"
    )
    answers = sorted(note for note in await notes(db) if note != "asks")
    assert answers == sorted(f"k says {at}.{number}" for at in range(8) for number in range(5))


# --- at the same time ------------------------------------------------------------------------------------------------


async def test_a_commit_that_meets_an_open_signal_of_its_key_waits_and_takes_it(
    database: Database, db: Connection, workers: Workers
) -> None:
    person = await database.connect()
    await person.execute("begin")
    assert await signalled(person, "k", "open") == "kept"
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "wait", "arg": {"signal": "k"}})
    others = [await enqueue(db, "toy.act", {"act": "note_text", "arg": str(at)}) for at in range(5)]
    for each in others:  # nobody waits for the person
        assert (await ended(db, each, 5))["status"] == "completed"
    assert (await task_row(db, task_id))["status"] != "waiting"
    await person.execute("commit")
    await ended(db, task_id)
    assert "k says open" in await notes(db)


async def wait_open(session: Connection, bench: Bench, db: Connection) -> UUID:
    """The last statements of a commit that lets a task wait for `k`, without its COMMIT."""
    [run] = await bench.runs(db, 1)
    await session.execute("begin")
    assert await session.fetchval("select pg_try_advisory_xact_lock(rowmill.signal_lock('k'))")
    await session.execute("update task_queue set status = 'waiting' where id = $1", run.id)
    await session.execute("select rowmill.begin_waits(array[$1::uuid], '{k}', '{null}', '{fail}')", run.id)
    return run.id


async def test_a_signal_that_meets_an_open_wait_of_its_key_waits_and_continues_it(
    database: Database, db: Connection, bench_of_acts: Bench
) -> None:
    committer, sender = await database.connect(), await database.connect()
    task_id = await wait_open(committer, bench_of_acts, db)
    sending = asyncio.create_task(signalled(sender, "k", "yes"))
    await until(lambda: db.fetchval(SOMEBODY_WAITS))
    await committer.execute("commit")
    assert await sending == "continued"
    assert (await task_row(db, task_id))["status"] == "pending"


async def test_a_signal_to_the_id_meets_an_open_wait_and_continues_it(
    database: Database, db: Connection, bench_of_acts: Bench
) -> None:
    committer, sender = await database.connect(), await database.connect()
    task_id = await wait_open(committer, bench_of_acts, db)
    sending = asyncio.create_task(signalled(sender, str(task_id), "yes"))
    await until(lambda: db.fetchval(SOMEBODY_WAITS))
    await committer.execute("commit")
    assert await sending == "continued"


async def test_what_missed_each_other_is_matched_by_the_sweep(
    database: Database, db: Connection, workers: Workers, bench_of_acts: Bench
) -> None:
    """The witness of the tests above: without a common lock both commit, and neither has seen the other."""
    await db.execute(LOSE_THE_LOCK)
    committer, sender = await database.connect(), await database.connect()
    task_id = await wait_open(committer, bench_of_acts, db)
    assert await signalled(sender, "k", "yes") == "kept"
    await committer.execute("commit")
    assert (await task_row(db, task_id))["status"] == "waiting"
    await db.execute("select rowmill.sweep_waits(10, true, 'x', null)")
    assert (await task_row(db, task_id))["status"] == "pending"
    assert await db.fetchval("select continued from rowmill.signals") == task_id


async def test_a_worker_sweeps_when_it_starts(database: Database, db: Connection, workers: Workers) -> None:
    task_id = await enqueue(db, "toy.act", {"act": "wait", "arg": {"signal": "k"}})
    await db.execute("update task_queue set status = 'waiting', run_no = 1")
    await db.execute("select rowmill.begin_waits(array[$1::uuid], '{k}', '{null}', '{fail}')", task_id)
    await db.execute(
        """insert into rowmill.signals (key, workspace_id, payload)
        values ('k', rowmill.default_workspace(), '{"text": "left"}')"""
    )
    await workers.start("toy.act")
    await ended(db, task_id)
    assert await notes(db) == ["k says left"]


async def test_a_signal_passes_over_a_waiter_that_somebody_holds(
    database: Database, db: Connection, workers: Workers
) -> None:
    await workers.start("toy.act")
    locked, free = await asks(db, "k"), await asks(db, "k")
    person = await database.connect()
    await person.execute("begin")
    await person.fetchval("select cancel_task($1)", locked)
    assert await signalled(db, "k", "yes") == "continued"
    assert (await ended(db, free))["status"] == "completed"
    await person.execute("commit")
    assert (await task_row(db, locked))["status"] == "cancelled"


# --- what else may happen to a waiting task --------------------------------------------------------------------------


async def test_a_waiting_task_is_cancelled_at_once_and_its_signal_waits_for_another(
    db: Connection, workers: Workers
) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k")
    assert await db.fetchval("select cancel_task($1)", task_id) == "cancelled"
    assert await db.fetchval("select count(*) from rowmill.waits") == 0
    assert await signalled(db, "k", "late") == "kept"


@pytest.mark.parametrize("call", ["select retry_task($1)", "select signal_task($1::uuid)"])
async def test_what_a_status_does_not_allow_is_refused(db: Connection, workers: Workers, call: str) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k")
    if "signal" in call:
        await db.fetchval("select cancel_task($1)", task_id)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await db.fetchval(call, task_id)
    assert refused.value.sqlstate == "RM003"


async def test_a_cancelled_wait_may_be_tried_again_and_asks_anew(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k")
    await db.fetchval("select cancel_task($1)", task_id)
    await db.fetchval("select retry_task($1)", task_id)
    await waits(db, task_id, "k")
    await signalled(db, "k", "yes")
    assert (await ended(db, task_id))["status"] == "completed"


async def test_a_waiting_task_holds_no_key_and_needs_it_again_to_go_on(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k", concurrency_key="one")
    other = await enqueue(db, "toy.act", held("other"), concurrency_key="one")
    await entered("other")
    await signalled(db, "k", "yes")
    assert (await task_row(db, task_id))["status"] == "pending"
    assert json.loads(await db.fetchval("select explain_task_json($1)", task_id))["reason"] == "key_running"
    open_door("other")
    await ended(db, other)
    assert (await ended(db, task_id))["status"] == "completed"


async def test_a_drain_does_not_wait_for_what_waits(db: Connection, workers: Workers) -> None:
    worker = await workers.start("toy.act", drain_s=60)
    task_id = await asks(db, "k")
    async with asyncio.timeout(10):
        await worker.stop()
    assert (await task_row(db, task_id))["status"] == "waiting"
    await signalled(db, "k", "yes")
    await workers.start("toy.act")
    assert (await ended(db, task_id))["status"] == "completed"


async def test_a_vanished_worker_loses_no_wait(db: Connection, workers: Workers) -> None:
    worker = await workers.start("toy.act")
    task_id = await asks(db, "k")
    await worker.vanish()
    await db.execute("select rowmill.reap($1, 500)", worker.worker_id)
    row = await task_row(db, task_id)
    assert (row["status"], row["crashes"]) == ("waiting", 0)


async def test_a_live_twin_by_dedupe_key_is_a_waiting_one_too(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    await asks(db, "k", dedupe_key="one")
    with pytest.raises(asyncpg.UniqueViolationError):
        await enqueue(db, "toy.act", {"act": "note_text", "arg": "twin"}, dedupe_key="one")


async def test_explain_tells_what_it_waits_for(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "paid:1", timeout_s=3600)
    told = json.loads(await db.fetchval("select explain_task_json($1)", task_id))
    assert (told["reason"], told["signal"], told["on_timeout"]) == ("waiting", "paid:1", "fail")
    assert told["sentence"].startswith('It waits for the signal "paid:1" since ')
    assert "it fails at " in told["sentence"]


async def test_nothing_of_a_wait_is_asked_by_a_batch_without_one(
    db: Connection, bench_of_acts: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What plain tasks cost does not grow: no statement and no index of theirs knows of waiting."""
    asked: list[str] = []
    fetch = asyncpg.Connection.fetch

    async def listening(connection: Any, query: str, *values: Any, **options: Any) -> Any:
        asked.append(query)
        return await fetch(connection, query, *values, **options)

    runs = await bench_of_acts.runs(db, 2)
    monkeypatch.setattr(asyncpg.Connection, "fetch", listening)
    bench_of_acts.add(runs[0])
    await bench_of_acts.settled()
    plain = len([query for query in asked if "signal" in query or "waits" in query])
    bench_of_acts.add(runs[1], transition=waiting(Awaited("k", None, "fail"), 1))
    await bench_of_acts.settled()
    assert (plain, len([query for query in asked if "signal" in query or "waits" in query])) == (0, 2)
