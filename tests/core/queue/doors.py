"""Runs that a test holds: `toy.act` and `toy.narrow` with the act `at_the_door` wait until the test opens."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any

from core import Done, Outcome, Task
from tests.toy.model import ActPayload, AddNote
from tests.toy.operators import act

_open: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
_entered: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
_inside: Counter[str] = Counter()
crowding: Counter[str] = Counter()  # by key: the most runs seen at once


def held(name: str) -> dict[str, Any]:
    """The payload of a run that waits at this door."""
    return {"act": "at_the_door", "arg": name}


def open_door(name: str) -> None:
    _open[name].set()


async def entered(name: str, limit_s: float = 10.0) -> None:
    """Waits until a run stands at this door."""
    async with asyncio.timeout(limit_s):
        await _entered[name].wait()


def close_all() -> None:
    for kept in (_open, _entered, _inside, crowding):
        kept.clear()


@act
async def at_the_door(_task: Task[ActPayload], arg: Any) -> Outcome:
    _entered[arg].set()
    await _open[arg].wait()
    return Done([AddNote(arg)])


@act
async def crowd(_task: Task[ActPayload], arg: Any) -> Outcome:
    """Notes `[key, number]` and how many runs of the key were inside together."""
    key, number = arg
    _inside[key] += 1
    crowding[key] = max(crowding[key], _inside[key])
    for _ in range(3):
        await asyncio.sleep(0)
    _inside[key] -= 1
    return Done([AddNote(f"{key} {number}")])
