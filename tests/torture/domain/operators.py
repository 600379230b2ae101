"""Operators of the torture domain."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from core import Backoff, Done, Effect, Outcome, Task, operator
from tests.torture.domain.model import Act, Chunks, Mark, SetSlot, Work

LOOK_S: Final = 0.02


@operator("torture.work", payload=Work, concurrency=200)
async def work(task: Task[Work]) -> Outcome:
    asked = task.payload
    if asked.ms:
        await asyncio.sleep(asked.ms / 1000)
    effects: list[Effect] = [Mark(asked.n)]
    if asked.slot is not None:
        effects.append(SetSlot(asked.slot, f"{asked.n}"))
    return Done(effects)


@operator("torture.flood", payload=Work, concurrency=200)
async def flood(task: Task[Work]) -> Outcome:
    """The neighbour of torture.work."""
    return Done([Mark(task.payload.n)])


@operator("torture.chunks", payload=Chunks, concurrency=50)
async def chunks(task: Task[Chunks]) -> Outcome:
    begun = (task.progress or {}).get("next", 0)
    for number in range(begun, task.payload.chunks):
        await asyncio.sleep(task.payload.ms / 1000)
        await task.commit([Mark(number)], progress={"next": number + 1})
    return Done(output={"next": task.payload.chunks})


@operator("torture.act", payload=Act, concurrency=200, retry=Backoff(base_s=0.05, jitter=0.0))
async def act(task: Task[Act]) -> Outcome:
    await ACTS[task.payload.act](task, task.payload.arg)
    return Done([Mark(task.payload.n)])


async def first_waits(task: Task[Act], arg: Any) -> None:
    """Its first run waits until the file is there; a later one ends at once."""
    while task.run_no == 1 and not Path(arg).exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(LOOK_S)


async def block(_task: Task[Act], arg: Any) -> None:
    """The loop stands still for `arg` seconds."""
    time.sleep(arg)  # noqa: ASYNC251 - that is the harm


async def spin(_task: Task[Act], arg: Any) -> None:
    """The loop computes for `arg` seconds."""
    until = time.monotonic() + arg
    while time.monotonic() < until:
        pass


async def bomb(_task: Task[Act], arg: Any) -> None:
    """Asks for memory, but not beyond `arg` MB: the machine of a failing test shall live."""
    held = [bytearray(2**20) for _ in range(arg)]
    del held


async def die(_task: Task[Act], arg: Any) -> None:
    """Kill -9 of its own process."""
    os.kill(os.getpid(), signal.SIGKILL)


async def segfault(_task: Task[Act], arg: Any) -> None:
    """The process ends without a word."""
    ctypes.string_at(0)


async def nothing(_task: Task[Act], arg: Any) -> None:
    """An innocent beside them."""


ACTS: Final[dict[str, Callable[[Task[Act], Any], Awaitable[None]]]] = {
    each.__name__: each for each in (first_waits, block, spin, bomb, die, segfault, nothing)
}
