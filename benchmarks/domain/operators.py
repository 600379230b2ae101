"""Operators of the bench domain: one plain async function per task, as in the README."""

from __future__ import annotations

import asyncio
import time

from benchmarks.domain.model import Nothing, ProbeCell, SetBenchCell, WriteCell
from core import Done, Outcome, Task, operator

HOLD_S = 1.5
BUSY_S = 0.001


@operator("bench.noop", payload=Nothing, concurrency=1000)
async def noop(_task: Task[Nothing]) -> Outcome:
    return Done()


@operator("bench.busy", payload=Nothing, concurrency=100)
async def busy(_task: Task[Nothing]) -> Outcome:
    """A millisecond of a processor, whoever else wants one."""
    until = time.thread_time() + BUSY_S
    while time.thread_time() < until:
        pass
    return Done()


@operator("bench.audited", payload=WriteCell, concurrency=1000)
async def audited(task: Task[WriteCell]) -> Outcome:
    """One cell updated and one edit event written, with the run row and the completion, in one commit."""
    return Done([SetBenchCell(task.payload.cell_id, task.payload.content)])


@operator("bench.probe", payload=ProbeCell, concurrency=1000)
async def probe(task: Task[ProbeCell]) -> Outcome:
    """Says how long ago its producer began the INSERT, and writes a cell that the producer waits for."""
    delay_ms = (time.monotonic() - task.payload.at) * 1000
    return Done([SetBenchCell(task.payload.cell_id, repr(task.payload.at))], output={"start_ms": delay_ms})


@operator("bench.hold_1", payload=Nothing, concurrency=1)
async def hold_1(_task: Task[Nothing]) -> Outcome:
    await asyncio.sleep(HOLD_S)
    return Done()


@operator("bench.hold_100", payload=Nothing, concurrency=100)
async def hold_100(_task: Task[Nothing]) -> Outcome:
    await asyncio.sleep(HOLD_S)
    return Done()


@operator("bench.hold_1000", payload=Nothing, concurrency=1000)
async def hold_1000(_task: Task[Nothing]) -> Outcome:
    await asyncio.sleep(HOLD_S)
    return Done()
