"""The test kit of operators: run one without a database and look at what it decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
from pydantic import BaseModel

from core.effects import Effect, made_storable
from core.outcome import Done, Outcome
from core.registry import operator_of
from core.task import Row, Task

Rows = Mapping[str, Sequence[Row] | Callable[..., Sequence[Row]]]


class Recorded:
    """Stands in for the engine: answers named reads from `rows`, keeps what was committed in the middle of the run."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.commits: list[tuple[list[Effect], Mapping[str, Any] | None]] = []

    async def read(self, statement: str, keys: tuple[Any, ...]) -> Sequence[Row]:
        if statement not in self._rows:
            raise AssertionError(f"the operator read {statement!r}; give rows for it: rows={{{statement!r}: [...]}}")
        found = self._rows[statement]
        return found(*keys) if callable(found) else found

    async def commit(self, effects: Sequence[Effect], progress: Mapping[str, Any] | None) -> None:
        self.commits.append(([made_storable(effect) for effect in effects], progress))


async def run_operator_async(
    operator: Callable[..., Any],
    payload: BaseModel | Mapping[str, Any],
    *,
    rows: Rows | None = None,
    progress: Mapping[str, Any] | None = None,
    attempts: int = 1,
    task_id: UUID | None = None,
    context: Recorded | None = None,
) -> Outcome:
    """Runs a decorated operator on a payload, which is checked as in production.

    `rows` answers its named reads: a list of rows, or a function of the keys. `progress` is what an earlier run of the
    task had committed. Pass a `Recorded` as `context` to look at mid-run commits afterwards.
    """
    described = operator_of(operator)
    text = payload.model_dump_json() if isinstance(payload, BaseModel) else orjson.dumps(payload).decode()
    task = Task(
        context=context or Recorded(rows or {}),
        payload=described.decode(text),
        id=task_id or uuid4(),
        task_type=described.task_type,
        attempts=attempts,
        progress=progress,
    )
    outcome = (await operator([task]))[0] if described.batch else await operator(task)
    if isinstance(outcome, Done):
        return Done([made_storable(effect) for effect in outcome.effects], outcome.output)
    checked: Outcome = outcome
    return checked


def run_operator(operator: Callable[..., Any], payload: BaseModel | Mapping[str, Any], **options: Any) -> Outcome:
    """`run_operator_async` for plain test functions."""
    return asyncio.run(run_operator_async(operator, payload, **options))
