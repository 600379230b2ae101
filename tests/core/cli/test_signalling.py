"""`rowmill signal`, and what `tasks` and `explain` say of a task that waits."""

from __future__ import annotations

from uuid import uuid4

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.core.queue.waits import asks, notes
from tests.running import Workers, ended


async def test_a_person_continues_a_task_by_what_it_waits_for(
    db: Connection, workers: Workers, rowmill: Rowmill
) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "paid:1")
    (listed,) = (await rowmill("tasks", "--status", "waiting", "--json")).json()["tasks"]
    assert listed["id"] == str(task_id)
    assert 'It waits for the signal "paid:1" since' in (await rowmill("explain", str(task_id))).words()
    assert (await rowmill("signal", "paid:1", "text=yes")).words() == "a task that waited for it goes on"
    await ended(db, task_id)
    assert await notes(db) == ["asks", "paid:1 says yes"]


async def test_a_person_continues_a_task_by_its_id(db: Connection, workers: Workers, rowmill: Rowmill) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "paid:1")
    assert (await rowmill("signal", str(task_id), '{"text": "yes"}', "--json")).json() == {"answer": "continued"}
    await ended(db, task_id)


async def test_an_early_and_a_repeated_signal_are_told_apart(db: Connection, rowmill: Rowmill) -> None:
    mark = str(uuid4())
    assert "it is kept for the first task that does" in (await rowmill("signal", "k", "--id", mark)).words()
    assert "sent before; nothing has changed" in (await rowmill("signal", "k", "--id", mark)).words()
    assert "was used for another signal" in (await rowmill("signal", "k", "text=other", "--id", mark)).refusal()


async def test_what_cannot_be_signalled_is_refused_in_a_sentence(db: Connection, rowmill: Rowmill) -> None:
    assert "no task has the id" in (await rowmill("signal", str(uuid4()))).refusal()
    assert "a text of 1 to 500 characters" in (await rowmill("signal", "x" * 501)).refusal()
    assert "the payload must be a JSON object" in (await rowmill("signal", "k", "[1]")).refusal()
    assert await db.fetchval("select count(*) from rowmill.signals") == 0


async def test_waiting_tasks_can_be_cancelled_by_filter(db: Connection, workers: Workers, rowmill: Rowmill) -> None:
    await workers.start("toy.act")
    await asks(db, "k")
    said = (await rowmill("cancel", "--where", "--status", "waiting", "--yes", "--json")).json()
    assert said["changed"] == 1
    assert await db.fetchval("select count(*) from rowmill.waits") == 0
