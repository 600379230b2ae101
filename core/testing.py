"""The test kit of operators: run one without a database and look at what it decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import orjson
from pydantic import BaseModel

from core.effects import Effect, made_storable
from core.outcome import Done, Outcome, Wait
from core.queue.execute import checked
from core.registry import operator_of
from core.task import Row, Task

Rows = Mapping[str, Sequence[Row] | Callable[..., Sequence[Row]]]
NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Recorded:
    """Stands in for the engine: answers named reads from `rows`, keeps what was committed in the middle of the run."""

    def __init__(self, rows: Rows | None = None) -> None:
        self._rows = rows or {}
        self.commits: list[tuple[list[Effect], Mapping[str, Any] | None]] = []
        self.waits: dict[str, float] = {}  # seconds that a limit makes its task wait
        self.held_off: dict[str, float] = {}

    async def read(self, statement: str, keys: tuple[Any, ...]) -> Sequence[Row]:
        if statement not in self._rows:
            raise AssertionError(f"the operator read {statement!r}; give rows for it: rows={{{statement!r}: [...]}}")
        found = self._rows[statement]
        return found(*keys) if callable(found) else found

    async def commit(self, effects: Sequence[Effect], progress: Mapping[str, Any] | None) -> None:
        done = checked(Done(effects))
        self.commits.append(([made_storable(effect) for effect in getattr(done, "effects", ())], progress))

    async def take(self, name: str, rate: float, burst: float) -> float:
        if rate <= 0 or burst < 1:
            raise AssertionError(f"the limit {name!r} lets nothing through: rate {rate:g}, burst {burst:g}")
        return self.waits.get(name, 0.0)

    async def hold_off(self, name: str, seconds: float, reason: str) -> None:  # noqa: ARG002 - told to people only
        self.held_off[name] = seconds


async def run_operator_async(
    operator: Callable[..., Any],
    payload: BaseModel | Mapping[str, Any],
    *,
    rows: Rows | None = None,
    now: datetime = NOW,
    context: Recorded | None = None,
    **task: Any,
) -> Outcome:
    """Runs a decorated operator on a payload. Payload and outcome are checked as in production.

    `rows` answers its named reads: a list of rows, or a function of the keys. `now` is the database's clock at the
    claim. Further options are fields of Task: `progress`, `attempts`, `followers`, `concurrency_key` and so on; the run
    after a Wait is one with its `progress` and a `signal=Signal(...)`. Pass a `Recorded` as `context` to look at
    mid-run commits afterwards.
    """
    described = operator_of(operator)
    text = payload.model_dump_json() if isinstance(payload, BaseModel) else orjson.dumps(payload).decode()
    task.setdefault("id", uuid4())
    made: Task[Any] = Task(
        context=context or Recorded(rows),
        payload=described.decode(text),
        now=now,
        task_type=described.task_type,
        **task,
    )
    outcome = checked((await operator([made]))[0] if described.batch else await operator(made))
    if isinstance(outcome, Done):
        return Done([made_storable(effect) for effect in outcome.effects], outcome.output)
    if isinstance(outcome, Wait):
        return replace(outcome, effects=[made_storable(effect) for effect in outcome.effects])
    return outcome


def run_operator(operator: Callable[..., Any], payload: BaseModel | Mapping[str, Any], **options: Any) -> Outcome:
    """`run_operator_async` for plain test functions."""
    return asyncio.run(run_operator_async(operator, payload, **options))
