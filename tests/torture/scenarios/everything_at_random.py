"""T28: for minutes, everything at random: kills of workers, of backends, of PostgreSQL, workers that stall and wake,
lost commits, a pinned vacuum. The checker looks on all the while; memory and connections stay as they were."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.proxy import Proxy
from tests.running import until
from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, at_most, told
from tests.torture.nemeses.kill_postgres import kill_backend, kill_postgres
from tests.torture.nemeses.kill_worker import kill_some_worker
from tests.torture.nemeses.lose_commits import order
from tests.torture.nemeses.pin_xmin import pinned
from tests.torture.nemeses.stall import stall_past_lease, wake
from tests.torture.producer import Plan
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import BACK_S, Ground, Server, Stage

TESTS: Final = ("T28",)
TITLE: Final = "everything at random"
QUICK: Final = {"minutes": 0.3, "rate": 200}
LONG: Final = {"minutes": 30, "rate": 300}
needs = nothing_needed

Harm = Callable[[], Awaitable[object]]


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.server() as server, stage.ground(choose, server) as ground, Proxy(ground.dsn) as proxy:
        crew = Crew(ground)
        crew.dsn = proxy.dsn
        await crew.fleet(2)
        await crew.single()
        await crew.up(3)
        total = int(size["minutes"] * 60 * size["rate"])
        plan = Plan(total, rate=size["rate"], ms=(0, 100), slots=100, chunks_every=30, seed=choose.randrange(2**31))
        producing = await producer(ground, plan)
        memory = _memory(crew)
        counts = await _harm(ground, server, crew, proxy, time.monotonic() + 0.9 * size["minutes"] * 60, result)
        await answer_of(producing)
        await all_ended(ground, 300, crew.replace_dead)
        result.add(told("minutes", size["minutes"]), told("tasks", total))
        result.add(*(told(f"times: {name}", count) for name, count in sorted(counts.items())))
        grown = (_memory(crew) - memory) / 1024
        result.add(at_most("growth of the parent's memory", grown, 20, "MB"))
        result.judge(await ground.check())
        await crew.stop()


async def _harm(
    ground: Ground, server: Server, crew: Crew, proxy: Proxy, deadline: float, result: Result
) -> dict[str, int]:
    choose = ground.choose
    harms: dict[str, tuple[Harm, int]] = {
        "a worker is killed": (lambda: kill_some_worker(crew, choose), 6),
        "PostgreSQL is killed": (lambda: kill_postgres(server), 1),
        "a backend is killed": (lambda: _kill_backend(ground, server), 1),
        "commits are lost": (lambda: _lose(proxy, choose), 6),
        "a single stalls past its lease": (lambda: _stall(ground, crew), 2),
        "vacuum is pinned": (lambda: _pin(ground), 2),
        "the checker looks": (lambda: _look(ground, result), 2),
    }
    counts = dict.fromkeys(harms, 0)
    while time.monotonic() < deadline:
        (name,) = choose.choices(list(harms), [weight for _, weight in harms.values()])
        await harms[name][0]()
        counts[name] += 1
        await crew.replace_dead()
        await asyncio.sleep(choose.uniform(0.5, 3))
    proxy.orders.clear()
    return counts


async def _kill_backend(ground: Ground, server: Server) -> None:
    """PostgreSQL ends all its sessions and recovers by itself."""
    db = await ground.connect()
    if await kill_backend(db, "rowmill commit%"):
        await asyncio.sleep(0.2)  # the postmaster notices
        await until(server.answers, BACK_S, "the server's return")


async def _lose(proxy: Proxy, choose: random.Random) -> None:
    order(proxy, choose, choose.randint(1, 3))


async def _stall(ground: Ground, crew: Crew) -> None:
    singles = [each for each in crew.singles if each.process.returncode is None]
    if not singles:
        return
    await stall_past_lease(await ground.connect(), singles)
    await asyncio.sleep(ground.choose.uniform(0, 4))
    wake(singles)


async def _pin(ground: Ground) -> None:
    async with pinned(ground):
        await asyncio.sleep(ground.choose.uniform(1, 5))


async def _look(ground: Ground, result: Result) -> None:
    result.violations += [str(each) for each in await ground.check() if each.invariant != "I5"]


def _memory(crew: Crew) -> float:
    """Of the parent of the fleet, in kB: it lives through everything."""
    status = Path(f"/proc/{crew.fleets[0].pid}/status").read_text(encoding="utf-8")
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
