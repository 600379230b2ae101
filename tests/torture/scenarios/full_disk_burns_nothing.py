"""T14: the disk under the effects is full for a while, then the one under the log, which makes PostgreSQL give up. No
attempt is used, nothing is lost, and work goes on by itself when there is room again."""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import asyncpg

from core.db.connect import Connection
from tests.running import until
from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, at_most, exactly, told
from tests.torture.nemeses import fill_disk
from tests.torture.nemeses.failover import works_in
from tests.torture.producer import TROUBLE, Plan
from tests.torture.scenario import Size
from tests.torture.stage import Ground, Server, Stage

TESTS: Final = ("T14",)
TITLE: Final = "a full disk under the tables, then under the log"
QUICK: Final = {"tasks": 1_500, "rate": 300, "full_s": 3, "log": False}
LONG: Final = {"tasks": 24_000, "rate": 300, "full_s": 30, "log": True}
needs = fill_disk.needs

FLOOD: Final = "insert into flood select repeat(md5(i::text), 20) from generate_series(1, 20000) i"
WAITING: Final = "select count(*) from torture_effects"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.server(min_wal_size="32MB", max_wal_size="64MB") as server:
        with fill_disk.small_disk(server.place / "small", 64) as disk:
            async with stage.ground(choose, server) as ground:
                await _play(ground, server, size, disk, result)


async def _play(ground: Ground, server: Server, size: Size, place: Path, result: Result) -> None:
    db = await ground.connect()
    await db.execute(f"create tablespace small location '{place}'")
    await db.execute("alter table torture_effects set tablespace small")
    crew = Crew(ground, lease_s="15")
    for _ in range(2):
        await crew.single()
    await crew.up(2)
    plan = Plan(size["tasks"], rate=size["rate"], ms=(0, 5), slots=20, seed=ground.choose.randrange(2**31))
    producing = await producer(ground, plan)
    await until(lambda: db.fetchval(f"select ({WAITING}) > 200"), 60, "work under way")
    ballast = fill_disk.fill(place)
    await asyncio.sleep(size["full_s"])
    stuck = await db.fetchval(WAITING)
    freed_at = time.monotonic()
    ballast.unlink()
    await until(lambda: db.fetchval(f"select ({WAITING}) > $1", stuck), 60, "work after there is room again")
    result.add(at_most("work went on after there was room", time.monotonic() - freed_at, 30, "s"))
    if size["log"]:
        result.add(at_most("work went on after the log's disk was full", await _full_log(ground, server), 30, "s"))
        db = await ground.connect()
    await answer_of(producing)
    await all_ended(ground, 300)
    burnt = await db.fetchval("select count(*) from task_queue where status <> 'completed' or attempts <> 1")
    result.add(told("tasks", size["tasks"]), exactly("tasks that failed or used an attempt", burnt, 0))
    result.judge(await ground.check(15))
    await crew.stop()
    await db.execute("alter table torture_effects set tablespace pg_default")
    await db.execute("drop tablespace small")


async def _full_log(ground: Ground, server: Server) -> float:
    """The log moves to a small disk while the server is down; a flood fills it, PostgreSQL gives up; the log comes back
    to where there is room. Seconds from its return to the first effect."""
    wal, kept = server.data / "pg_wal", server.data.parent / "wal-kept"
    await _be_gone(server)
    with fill_disk.small_disk(server.place / "wal", 256) as small:
        _move(wal, small / "pg_wal")
        wal.symlink_to(small / "pg_wal")
        await server.restart()
        ballast = fill_disk.fill(small)
        await _flood(server)
        await until(lambda: _is_down(server), 60, "PostgreSQL's end on a full log")
        await _be_gone(server)
        ballast.unlink()
        wal.unlink()
        _move(small / "pg_wal", kept)
        kept.rename(wal)
    await server.restart()
    back = time.monotonic()
    db = await ground.connect()
    before = await db.fetchval(WAITING)
    await until(lambda: db.fetchval(f"select ({WAITING}) > $1", before), 60, "work after PostgreSQL was back")
    return time.monotonic() - back


async def _flood(server: Server) -> None:
    """Writes until that is not possible any more."""
    with suppress(*TROUBLE):
        session = await asyncpg.connect(server.dsn(), timeout=5, command_timeout=60)
        await session.execute("create table flood (line text)")
        while True:
            await session.execute(FLOOD)


async def _be_gone(server: Server) -> None:
    """Dead, with every process of it."""
    if server.pid is not None:
        await server.kill()
    await until(lambda: _nobody_in(server.data), 30, "the end of the server's processes")


async def _nobody_in(folder: Path) -> bool:
    return not any(works_in(each, folder) for each in Path("/proc").glob("[0-9]*"))


def _move(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", source, target], check=True)
    subprocess.run(["rm", "-rf", source], check=True)


async def _is_down(server: Server) -> bool:
    """Either it has ended, or it refuses everybody."""
    if server.pid is None:
        return True
    try:
        session: Connection = await asyncpg.connect(server.dsn(), timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return True
    session.terminate()
    return False
