"""T22: workers whose clocks are an hour fast, an hour slow, and jumping by an hour. No lease ends by it, no attempt is
used, and each time of a schedule becomes one task, none is missing."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from core.db.connect import Connection
from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, exactly, told
from tests.torture.nemeses import wrong_clock
from tests.torture.producer import Plan
from tests.torture.scenario import Size
from tests.torture.stage import Stage

TESTS: Final = ("T22",)
TITLE: Final = "workers with wrong clocks, three of them keep the schedules"
QUICK: Final = None
LONG: Final = {"seconds": 135, "rate": 100, "schedules": 3}
needs = wrong_clock.needs

HOUR: Final = 3600
SCHEDULE: Final = "select schedule_task($1, 'torture.act', '* * * * *', $2::jsonb)"
FIRED: Final = "select scheduled_for, enqueued_by from task_queue where enqueued_by like 'schedule %'"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground:
        db = await ground.connect()
        crews: list[Crew] = []
        clocks: list[wrong_clock.WrongClock] = []
        for at, offset in enumerate((HOUR, -HOUR, 0)):
            clock = wrong_clock.WrongClock(ground.folder / f"clock-{at}")
            clock.set(offset)
            crew = Crew(ground, lease_s="5")
            crew.environment = clock.environment
            await crew.single()
            crews.append(crew)
            clocks.append(clock)
        await crews[0].up(3)
        for number in range(size["schedules"]):
            payload = f'{{"n": {10**9 + number}, "act": "nothing"}}'
            await db.execute(SCHEDULE, f"each minute {number}", payload)
        began = datetime.now(UTC)
        total = int(size["rate"] * size["seconds"])
        producing = await producer(ground, Plan(total, rate=size["rate"], batch=5, ms=(0, 50), slots=20))
        await _jump(clocks[2], size["seconds"])
        await answer_of(producing)
        await all_ended(ground, 60)
        ended = datetime.now(UTC)
        await _tell(db, size, began, ended, result)
        result.judge(await ground.check(5))
        for crew in crews:
            await crew.stop()


async def _jump(clock: wrong_clock.WrongClock, seconds: float) -> None:
    """An hour ahead, back, an hour behind, and so on."""
    until, at = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        clock.set((HOUR, 0, -HOUR, 0)[at % 4])
        at += 1
        await asyncio.sleep(7)


async def _tell(db: Connection, size: Size, began: datetime, ended: datetime, result: Result) -> None:
    lost = await db.fetchval("select count(*) from task_queue where crashes > 0 or attempts <> 1")
    result.add(told("tasks", int(size["rate"] * size["seconds"])))
    result.add(exactly("tasks reaped or with an attempt too many", lost, 0))
    rows = [(row["scheduled_for"], row["enqueued_by"]) for row in await db.fetch(FIRED)]
    minutes: list[datetime] = []
    minute = (began + timedelta(seconds=65)).replace(second=0, microsecond=0)
    while minute < ended - timedelta(seconds=5):
        minutes.append(minute)
        minute += timedelta(minutes=1)
    wanted = {(each, f"schedule each minute {number}") for each in minutes for number in range(size["schedules"])}
    result.add(told("times of schedules", len(wanted)), exactly("missing", len(wanted - set(rows)), 0))
    result.add(exactly("twice", len(rows) - len(set(rows)), 0))
