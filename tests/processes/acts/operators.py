"""Acts that stand still, block or kill their process. Files are the doors between a test and another process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

from core import Done, Outcome, Task
from tests.toy.model import ActPayload, AddNote
from tests.toy.operators import act


@act
async def at_file(task: Task[ActPayload], arg: Any) -> Outcome:
    """Says that run N has entered by making `<arg>.N`, and goes on when `<arg>.open` or `<arg>.N.open` exists."""
    await _pass(arg, task.run_no)
    return Done([AddNote(Path(arg).name)])


@act
async def chunks_at_file(task: Task[ActPayload], arg: Any) -> Outcome:
    """Three notes, each in a commit of its own; the first run waits at the file between the second and the third."""
    for number in range((task.progress or {}).get("next", 0), 3):
        if number == 2 and task.run_no == 1:
            await _pass(arg, 1)
        await task.commit([AddNote(f"chunk {number}")], progress={"next": number + 1})
    return Done()


async def _pass(path: str, run_no: int) -> None:
    Path(f"{path}.{run_no}").touch()
    doors = [Path(f"{path}.open"), Path(f"{path}.{run_no}.open")]
    while not any(door.exists() for door in doors):  # noqa: ASYNC110 - another process opens it
        await asyncio.sleep(0.01)


@act
async def block(_task: Task[ActPayload], arg: Any) -> Outcome:
    """Stands still in the middle of the loop."""
    time.sleep(arg)  # noqa: ASYNC251 - that is the point
    return Done()


@act
async def backtrack(_task: Task[ActPayload], arg: Any) -> Outcome:
    """Holds the interpreter's lock for years: no thread of Python runs beside it."""
    re.match("(a+)+$", "a" * 40 + "b")
    return Done()


@act
async def die(_task: Task[ActPayload], arg: Any) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    return Done()
