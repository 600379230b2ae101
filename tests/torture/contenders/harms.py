"""The three harms, the same for every contender; each gives its figures by name."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import asyncpg

from tests.processes.programs import Program
from tests.torture.contenders.contender import Contender
from tests.torture.stage import Ground

PATIENCE_S: Final = 150.0  # how long a job may stay undone before it counts as lost
AFTER_S: Final = 6.0  # for what woken zombies may still write
KILLS: Final = 3
JOBS: Final = 100  # a kill
JOB_MS: Final = 2000  # killed in the middle of it
HELD: Final = 20
POISON_S: Final = 30.0

Figures = dict[str, float]


@dataclass
class Arena:
    """A contender in its database, with its workers."""

    contender: Contender
    ground: Ground
    db: asyncpg.Connection[asyncpg.Record]
    workers: list[Program]
    deaths: int = 0

    async def start(self) -> Program:
        self.workers.append(await self.contender.worker(self.ground.dsn, self.ground.programs))
        return self.workers[-1]

    async def replace_dead(self) -> None:
        """As a supervisor would."""
        for each in [each for each in self.workers if each.process.returncode is not None]:
            self.workers.remove(each)
            self.deaths += 1
            await self.start()

    async def enqueue(self, first: int, count: int, **payload: object) -> None:
        await self.contender.enqueue(self.ground.dsn, first, count, payload)

    async def marks(self, low: int, high: int) -> tuple[int, int]:
        """How many marks there are of these numbers, and of how many of them."""
        counts = f"select count(*) as marks, count(distinct n) as numbers from {self.contender.marks}"
        row = await self.db.fetchrow(f"{counts} where n between $1 and $2", low, high)
        assert row is not None
        return row["marks"], row["numbers"]

    async def until_marked(self, low: int, high: int, limit_s: float, besides: Callable[[], Awaitable[None]]) -> float:
        """Waits until each has its mark, or for so long. Seconds."""
        began = time.monotonic()
        while (await self.marks(low, high))[1] < high - low + 1 and time.monotonic() < began + limit_s:
            await besides()
            await asyncio.sleep(0.1)
        return time.monotonic() - began


async def kills(arena: Arena) -> Figures:
    """Kill -9 of a worker in the middle of its jobs, three times; a new one starts at once."""
    for _ in range(2):
        await arena.start()
    await arena.enqueue(1, 2)
    await arena.until_marked(1, 2, 60, arena.replace_dead)
    for at in range(KILLS):
        await arena.enqueue(10 + at * JOBS, JOBS, ms=JOB_MS)
        await asyncio.sleep(JOB_MS / 2000)
        victim = arena.workers[0]
        victim.signal(signal.SIGKILL)
        await victim.wait()
        await arena.replace_dead()
    last = 9 + KILLS * JOBS
    recovery = await arena.until_marked(10, last, PATIENCE_S, arena.replace_dead)
    marks, numbers = await arena.marks(10, last)
    lost = KILLS * JOBS - numbers
    return {"jobs lost": lost, "effects twice": marks - numbers, "all done after the last kill, s": recovery}


async def zombies(arena: Arena) -> Figures:
    """A worker with twenty jobs in hand is stopped; another one does them; the first wakes and ends its own."""
    zombie = await arena.start()
    await arena.enqueue(1, 2)
    await arena.until_marked(1, 2, 60, arena.replace_dead)
    door = arena.ground.folder / "door"
    await arena.enqueue(1000, HELD, door=str(door))
    await asyncio.sleep(3)
    zombie.signal(signal.SIGSTOP)
    await arena.start()
    recovery = await arena.until_marked(1000, 999 + HELD, PATIENCE_S, arena.replace_dead)
    _, elsewhere = await arena.marks(1000, 999 + HELD)
    door.touch()
    zombie.signal(signal.SIGCONT)
    await asyncio.sleep(AFTER_S)
    marks, numbers = await arena.marks(1000, 999 + HELD)
    return {
        "done elsewhere": elsewhere,
        "done elsewhere after, s": recovery,
        "jobs lost": HELD - numbers,
        "effects twice": marks - numbers,
    }


async def poison(arena: Arena) -> Figures:
    """One job that kills its process, among a hundred that do not; workers are started again, for half a minute."""
    for _ in range(2):
        await arena.start()
    await arena.enqueue(1, 2)
    await arena.until_marked(1, 2, 60, arena.replace_dead)
    await arena.enqueue(5000, 1, die=True)
    await arena.enqueue(2000, 100, ms=100)
    began = time.monotonic()
    done_after = await arena.until_marked(2000, 2099, POISON_S, arena.replace_dead)
    while time.monotonic() < began + POISON_S:
        await arena.replace_dead()
        await asyncio.sleep(0.1)
    marks, numbers = await arena.marks(2000, 2099)
    return {
        "workers killed by it in half a minute": arena.deaths,
        "good jobs done": numbers,
        "good jobs done after, s": done_after,
        "effects twice": marks - numbers,
    }


HARMS: Final[dict[str, Callable[[Arena], Awaitable[Figures]]]] = {
    "kill -9 of three workers": kills,
    "a worker stopped with twenty jobs in hand": zombies,
    "a job that kills its process": poison,
}
