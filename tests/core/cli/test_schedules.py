"""`rowmill schedule`, `schedules`, `unschedule`."""

from __future__ import annotations

from core.db.connect import Connection
from core.queue.schedule import fire_due
from tests.core.cli.conftest import Rowmill


async def test_a_schedule_is_made_listed_replaced_and_removed(db: Connection, rowmill: Rowmill) -> None:
    assert "`rowmill schedule NAME" in (await rowmill("schedules")).words()
    made = await rowmill(
        "schedule", "nightly", "toy.note", "note=hello", "--cron", "0 3 * * *", "--timezone", "Asia/Tokyo"
    )
    assert "nightly is scheduled" in made.words()
    assert "once a worker has looked" in (await rowmill("schedules")).words()
    await fire_due(db)
    [listed] = (await rowmill("schedules", "--json")).json()["schedules"]
    assert (listed["cron"], listed["timezone"], listed["problem"]) == ("0 3 * * *", "Asia/Tokyo", None)
    assert listed["next_at"].split("T")[1].startswith("18:00")
    await rowmill("schedule", "nightly", "toy.note", "--cron", "0 4 * * *")
    assert len((await rowmill("schedules", "--json")).json()["schedules"]) == 1
    assert (await rowmill("unschedule", "nightly", "--json")).json() == {"name": "nightly"}
    assert (await rowmill("schedules", "--json")).json() == {"schedules": []}


async def test_what_cannot_be_scheduled_is_refused_with_a_sentence(rowmill: Rowmill) -> None:
    refused = await rowmill("schedule", "nightly", "toy.note", "--cron", "at night")
    assert "a schedule has five fields" in refused.refusal()
    refused = await rowmill("schedule", "nightly", "toy.note", "--cron", "0 3 * * *", "--timezone", "Mars/Olympus")
    assert "there is no time zone 'Mars/Olympus'" in refused.refusal()
    assert "there is no schedule 'nightly'" in (await rowmill("unschedule", "nightly")).refusal()


async def test_a_schedule_is_paused_run_and_resumed(db: Connection, rowmill: Rowmill) -> None:
    await rowmill("schedule", "nightly", "toy.note", "--cron", "0 3 * * *", "--catch-up", "all")
    assert "go on with `rowmill resume-schedule nightly`" in (await rowmill("pause-schedule", "nightly")).words()
    assert "paused by" in (await rowmill("schedules")).words()
    [listed] = (await rowmill("schedules", "--json")).json()["schedules"]
    assert (listed["catch_up"], listed["paused_at"] is not None) == ("all", True)
    task_id = (await rowmill("run-schedule", "nightly", "--json")).json()["task_id"]
    assert await db.fetchval("select id::text from task_queue") == task_id
    assert "runs now as the task" in (await rowmill("run-schedule", "nightly")).words()
    assert "goes on with the next" in (await rowmill("resume-schedule", "nightly")).words()
    for command in ("pause-schedule", "resume-schedule", "run-schedule"):
        assert "there is no schedule 'none'" in (await rowmill(command, "none")).refusal()
