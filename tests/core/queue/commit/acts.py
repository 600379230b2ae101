"""What `toy.act` does in the commit's tests."""

from __future__ import annotations

from typing import Any

from core import Done, Enqueue, Outcome, Task
from tests.toy.model import ActPayload, AddNote, SetValue
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
