"""What an operator sees of its task. The engine behind it is a protocol, so tests run operators without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from core.effects import Effect
from core.rates import per_second

Payload = TypeVar("Payload")
Row = Mapping[str, Any]


class Context(Protocol):
    """What a running operator may ask the engine for."""

    async def read(self, statement: str, keys: tuple[Any, ...]) -> Sequence[Row]: ...

    async def commit(self, effects: Sequence[Effect], progress: Mapping[str, Any] | None) -> None: ...

    async def take(self, name: str, rate: float, burst: float) -> float: ...

    async def hold_off(self, name: str, seconds: float, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Signal:
    """What continued a waiting task. `key` is None where it was sent to the task's id; a time-out has no payload."""

    key: str | None
    payload: Mapping[str, Any] = field(default_factory=dict)
    timed_out: bool = False


@dataclass(slots=True, kw_only=True)  # a value all the same: freezing it would cost as much as a claim's row
class Task(Generic[Payload]):
    """One run of one task, with its payload already checked. `followers`: payloads of the tasks coalesced into it;
    `progress`: what an earlier run of this task kept with a mid-run commit or a Wait. `signal`: what the last Wait was
    answered with; every run sees it until one ends in another Wait. `now`: the database's clock at the claim; rules
    take it as a parameter."""

    id: UUID
    task_type: str
    payload: Payload
    context: Context = field(repr=False)
    now: datetime
    run_no: int = 1
    attempts: int = 1
    max_attempts: int = 3
    concurrency_key: str | None = None
    followers: Sequence[Payload] = ()
    progress: Mapping[str, Any] | None = None
    signal: Signal | None = None
    workspace_id: UUID | None = None

    async def read(self, statement: str, *keys: Any) -> Sequence[Row]:
        """Rows of a named read of the domain, after the claim, on the primary.

        Calls of one statement made within two turns of the loop go out as one query. Rows that carry `_target` and
        `_version` are remembered: the commit writes nothing that was decided on a row which has changed since.
        """
        return await self.context.read(statement, keys)

    async def commit(self, effects: Sequence[Effect], *, progress: Mapping[str, Any] | None = None) -> None:
        """Commits effects in the middle of the run, behind the same fence; the task stays `processing`.

        `progress` is kept with them and given to the next run should this one die. Raises LostClaim when the task is
        no longer this run's, and StartOver when its reads are stale; let both pass.
        """
        await self.context.commit(effects, progress)

    async def take(self, name: str, rate: float | str, burst: float) -> float:
        """Takes a token of a limit that all workers share: 0 = go on, else the seconds to Snooze.

        `rate` is written like "60/min", "10/s", "1000/h", or a number of tokens per second; `burst` is how many may be
        taken at once (1 or more). Take it before an outside call.
        """
        return await self.context.take(name, per_second(rate), burst)

    async def hold_off(self, name: str, seconds: float, reason: str) -> None:
        """Nobody takes a token of this limit for so long: the other side has asked for mercy."""
        await self.context.hold_off(name, seconds, reason)
