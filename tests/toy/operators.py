"""Operators of the toy domain. `ACTS` holds what `toy.act` can do; tests add to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from core import Backoff, Cancel, Done, Enqueue, Fail, Outcome, Retry, Snooze, Task, Wait, operator
from tests.toy.model import ActPayload, AddNote, CopyPayload, NotePayload, SetPayload, SetValue

Act = Callable[[Task[ActPayload], Any], Awaitable[Outcome]]
ACTS: dict[str, Act] = {}


def act(function: Act) -> Act:
    ACTS[function.__name__] = function
    return function


@operator("toy.set", payload=SetPayload, concurrency=200)
async def set_value(task: Task[SetPayload]) -> Outcome:
    return Done([SetValue(task.payload.row_id, task.payload.value)])


@operator("toy.copy", payload=CopyPayload, concurrency=50, coalesce=True, on_stale="superseded")
async def copy(task: Task[CopyPayload]) -> Outcome:
    rows = await task.read("toy_row", task.payload.source)
    return Done([SetValue(task.payload.target, rows[0]["value"])], output={"followers": len(task.followers)})


@operator("toy.note", payload=NotePayload, concurrency=200)
async def note(task: Task[NotePayload]) -> Outcome:
    return Done([AddNote(task.payload.note)])


@operator("toy.batch", payload=NotePayload, batch=50)
async def batch(tasks: Sequence[Task[NotePayload]]) -> Sequence[Outcome]:
    return [Done([AddNote(f"{task.payload.note} of {len(tasks)}")]) for task in tasks]


@operator("toy.act", payload=ActPayload, concurrency=20, retry=Backoff(base_s=0.05, jitter=0.0), run_timeout_s=20)
async def do(task: Task[ActPayload]) -> Outcome:
    return await ACTS[task.payload.act](task, task.payload.arg)


@operator("toy.narrow", payload=ActPayload, concurrency=2)
async def narrow(task: Task[ActPayload]) -> Outcome:
    """Two slots, so that tests can fill them."""
    return await ACTS[task.payload.act](task, task.payload.arg)


@act
async def sleep(_task: Task[ActPayload], arg: Any) -> Outcome:
    await asyncio.sleep(arg)
    return Done([AddNote("slept")])


@act
async def fail(_task: Task[ActPayload], arg: Any) -> Outcome:
    return Fail(arg)


@act
async def retry(_task: Task[ActPayload], arg: Any) -> Outcome:
    return Retry("not yet", arg)


@act
async def snooze_once(task: Task[ActPayload], arg: Any) -> Outcome:
    return Snooze(arg) if task.run_no == 1 else Done([AddNote("awake")])


@act
async def cancel(_task: Task[ActPayload], arg: Any) -> Outcome:
    return Cancel(arg)


@act
async def explode(_task: Task[ActPayload], arg: Any) -> Outcome:
    raise ValueError(arg)


@act
async def note_text(_task: Task[ActPayload], arg: Any) -> Outcome:
    return Done([AddNote(arg)])


@act
async def set_to(_task: Task[ActPayload], arg: Any) -> Outcome:
    return Done([SetValue(arg[0], arg[1])])


@act
async def enqueue(_task: Task[ActPayload], arg: Any) -> Outcome:
    return Done([Enqueue("toy.note", {"note": f"child {i}"}) for i in range(arg)])


@act
async def chunks(task: Task[ActPayload], arg: Any) -> Outcome:
    """Notes 0..arg-1, each in a commit of its own, going on where an earlier run stopped."""
    start = (task.progress or {}).get("next", 0)
    for number in range(start, arg):
        await task.commit([AddNote(f"chunk {number}")], progress={"next": number + 1})
    return Done(output={"chunks": arg})


@act
async def wait(task: Task[ActPayload], arg: Any) -> Outcome:
    """Notes that it asks, waits as `arg` says, and notes what it is answered."""
    if task.signal is None:
        return Wait(**arg, effects=[AddNote("asks")], progress={"asked": task.run_no})
    if task.signal.timed_out:
        return Done([AddNote("nobody answered")])
    return Done([AddNote(f"{task.signal.key} says {task.signal.payload['text']}")], output={"run": task.run_no})


@act
async def wait_quietly(task: Task[ActPayload], arg: Any) -> Outcome:
    return Wait(arg) if task.signal is None else Done(output=task.signal.payload)


@act
async def wait_for_each(task: Task[ActPayload], arg: Any) -> Outcome:
    """Waits for one signal after the other, and keeps what each said."""
    said = [*(task.progress or {}).get("said", []), *([task.signal.payload["text"]] if task.signal else [])]
    if len(said) < len(arg):
        return Wait(arg[len(said)], progress={"said": said})
    return Done([AddNote(" ".join(said))])
