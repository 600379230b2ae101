"""Acts that stand still, block or kill their process. Files are the doors between a test and another process."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import hashlib
import os
import re
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from core import Done, Outcome, Task, Wait
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
async def bomb(_task: Task[ActPayload], arg: Any) -> Outcome:
    """Asks for memory until there is none, but not beyond `arg` MB: the machine of a failing test shall live."""
    held = [bytearray(2**20) for _ in range(arg)]
    return Done([AddNote(f"{len(held)} MB")])


@act
async def segfault(_task: Task[ActPayload], arg: Any) -> Outcome:
    ctypes.string_at(0)
    return Done()


@act
async def spin(_task: Task[ActPayload], arg: Any) -> Outcome:
    """Threads of C that need no interpreter and no loop: only the system's own limit ends them."""
    with ThreadPoolExecutor(4) as threads:
        work = [threads.submit(hashlib.pbkdf2_hmac, "sha256", b"x", b"y", 2**31 - 1) for _ in range(4)]
        while not all(each.done() for each in work):  # noqa: ASYNC110 - the loop goes on beside it
            await asyncio.sleep(0.05)
    return Done()


@act
async def stubborn(task: Task[ActPayload], arg: Any) -> Outcome:
    """Goes on whatever it is told."""
    Path(f"{arg}.{task.run_no}").touch()
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


@act
async def note_if_child(_task: Task[ActPayload], arg: Any) -> Outcome:
    """Says whether it runs in a child."""
    return Done([AddNote(f"{arg} {'--task' in sys.argv}")])


@act
async def die(_task: Task[ActPayload], arg: Any) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    return Done()


@act
async def wait_then_stand(task: Task[ActPayload], arg: Any) -> Outcome:
    """Waits; the run after it writes one half, stands at the file, and writes the other."""
    if task.signal is None:
        return Wait("go on", effects=[AddNote("asks")])
    said = task.signal.payload["text"]
    if not task.progress:
        await task.commit([AddNote(f"half of {said}")], progress={"half": True})
    await _pass(arg, task.run_no)
    return Done([AddNote(f"rest of {said}")])
