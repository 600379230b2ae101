"""What `toy.act` does in the commit's tests."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from core import Done, Enqueue, Outcome, Task
from tests.toy.model import ActPayload, AddNote, SetOnce, SetValue
from tests.toy.operators import act

BROKEN = "a\x00b\ud800c"


@act
async def broken_text(_task: Task[ActPayload], arg: Any) -> Outcome:
    if arg == "error":
        raise ValueError(BROKEN)
    if arg == "output":
        return Done(output={"k\x00": BROKEN})
    return Done([AddNote(BROKEN) if arg == "effect" else Enqueue("toy.unknown", {"note": BROKEN})])


@act
async def refused(_task: Task[ActPayload], arg: Any) -> Outcome:
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    made: dict[str, Outcome] = {
        "nan in a payload": Done([AddNote("n"), Enqueue("toy.note", {"a": [1, float("nan")]})]),
        "infinity in an output": Done([AddNote("n")], output={"b": float("-inf")}),
        "depth in a payload": Done([AddNote("n"), Enqueue("toy.note", {"d": deep})]),
        "depth in an output": Done([AddNote("n")], output={"d": deep}),
        "a number in a payload": Done([AddNote("n"), Enqueue("toy.note", {"n": 2**63})]),
        "a number in an output": Done([AddNote("n")], output={"n": -(2**63) - 1}),
        "too many effects": Done([AddNote("n")] * 5001),
        "two types on one row": Done([AddNote("n"), SetValue(1, "a"), SetOnce(1, "b")]),
    }
    return made[arg]


# --- what no operator should return, and some will ---

NONSENSE: dict[str, Any] = {
    "nothing": None,
    "a text": "done",
    "no effects at all": Done(None),  # type: ignore[arg-type]
    "an effect that is none": Done(["AddNote"]),  # type: ignore[list-item]
    "an output that is no mapping": Done(output="text"),  # type: ignore[arg-type]
    "a key that cannot be one": Done([SetValue([1], "x")]),  # type: ignore[arg-type]
    "one effect instead of a list": Done(AddNote("n")),  # type: ignore[arg-type]
}


@act
async def nonsense(_task: Task[ActPayload], arg: Any) -> Outcome:
    result: Outcome = NONSENSE[arg]
    return result


@act
async def count_up(task: Task[ActPayload], arg: Any) -> Outcome:
    rows = await task.read("toy_row", arg)
    return Done([SetValue(arg, str(int(rows[0]["value"]) + 1))])


@act
async def own_rows(task: Task[ActPayload], arg: Any) -> Outcome:
    """Reads a row, writes it in a commit of its own, and once more at the end."""
    await task.read("toy_row", arg)
    await task.commit([SetValue(arg, "midway")])
    return Done([SetValue(arg, "end")])


@act
async def read_unknown(task: Task[ActPayload], arg: Any) -> Outcome:
    await task.read(arg, 1)
    return Done()


@act
async def read_row(task: Task[ActPayload], arg: Any) -> Outcome:
    rows = await task.read("toy_row", arg)
    return Done([AddNote(f"{arg}: {rows[0]['value']}")])


@act
async def pairs_of_chunks(task: Task[ActPayload], arg: Any) -> Outcome:
    """As `chunks`, and every commit writes two effects: a row and a note."""
    start = (task.progress or {}).get("next", 0)
    for number in range(start, arg):
        await task.commit([AddNote(f"{number}"), SetValue(number, "chunk")], progress={"next": number + 1})
    return Done([AddNote("end")], output={"went on at": start})


GATES: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)


@act
async def first_run_waits(task: Task[ActPayload], arg: Any) -> Outcome:
    """Each run waits at a gate of its own, named after the test and the run."""
    name = f"{arg} {task.run_no}"
    running = asyncio.current_task()
    assert running is not None
    running.set_name(name)
    await GATES[name].wait()
    return Done([AddNote(f"run {task.run_no}")])
