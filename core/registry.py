"""What this process can do: operators by task type. `@operator` is the only way in.

Pure: an operator is described here and run elsewhere (core/queue/pool.py, core/testing.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from core.errors import PayloadRejected, RowmillError
from core.outcome import Outcome
from core.state import Backoff
from core.task import Task

OnStale = Literal["rerun", "superseded"]
Run = Callable[[Task[Any]], Awaitable[Outcome]]
RunBatch = Callable[[Sequence[Task[Any]]], Awaitable[Sequence[Outcome]]]
AnyRun = TypeVar("AnyRun", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, slots=True)
class Operator:
    """One `task_type` and the function that handles it. Times in seconds."""

    task_type: str
    run: Callable[..., Awaitable[Any]]
    payload: TypeAdapter[Any]
    package: str  # the domain's package: its queries.sql holds the named reads and writers
    concurrency: int = 10
    batch: int = 0  # > 0: the function gets up to this many tasks and returns as many outcomes
    coalesce: bool = False
    on_stale: OnStale = "rerun"
    retry: Backoff = field(default_factory=Backoff)
    run_timeout_s: float = 300.0
    priority: int = 5  # with max_attempts: what enqueue_task takes where its caller says nothing
    max_attempts: int = 3

    def decode(self, payload: str) -> Any:
        """The checked payload; raises PayloadRejected with a sentence that names the field and holds no value."""
        try:
            return self.payload.validate_json(payload)
        except ValidationError as error:
            raise PayloadRejected(_sentence(error)) from None
        except (ValueError, RecursionError) as error:
            raise PayloadRejected(f"payload cannot be read: {type(error).__name__}") from None


_operators: dict[str, Operator] = {}


def operator(  # noqa: PLR0913 - an operator's options, all by name
    task_type: str,
    *,
    payload: Any,
    concurrency: int = 10,
    batch: int = 0,
    coalesce: bool = False,
    on_stale: OnStale = "rerun",
    retry: Backoff | None = None,
    run_timeout_s: float = 300.0,
    priority: int = 5,
    max_attempts: int = 3,
) -> Callable[[AnyRun], AnyRun]:
    """Registers the decorated async function as the operator of `task_type`.

    `payload` is a pydantic model or any type it can check. `coalesce` runs all due tasks of a concurrency_key as one.
    `on_stale` says what happens to a decision whose inputs changed meanwhile: "rerun", or "superseded" where each
    input change is known to enqueue its own task. `priority` and `max_attempts` are published as the defaults of
    `enqueue_task`; a plain INSERT takes those of the table.
    """

    def register(run: AnyRun) -> AnyRun:
        if task_type in _operators and _operators[task_type].run.__qualname__ != run.__qualname__:
            raise RowmillError(f"two operators claim the task type {task_type!r}; rename one of them")
        _operators[task_type] = Operator(
            task_type=task_type,
            run=run,
            payload=TypeAdapter(payload),
            package=run.__module__.rpartition(".")[0],
            concurrency=max(concurrency, batch),
            batch=batch,
            coalesce=coalesce,
            on_stale=on_stale,
            retry=retry or Backoff(),
            run_timeout_s=run_timeout_s,
            priority=priority,
            max_attempts=max_attempts,
        )
        return run

    return register


def operators() -> dict[str, Operator]:
    """All registered operators by task type."""
    return dict(_operators)


def operator_of(run: Callable[..., Any]) -> Operator:
    """The operator that was made of this function."""
    for each in _operators.values():
        if each.run is run:
            return each
    raise RowmillError(f"{run.__qualname__} is no operator; decorate it with @operator(...)")


def _sentence(error: ValidationError) -> str:
    parts = []
    for each in error.errors(include_input=False, include_url=False, include_context=False)[:5]:
        where = ".".join(("payload", *(str(step) for step in each["loc"])))
        parts.append(f"{where}: {each['msg']}")
    return "; ".join(parts)
