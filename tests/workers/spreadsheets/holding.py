"""Holds runs of an operator open between their decision and their commit, so that a test decides what comes first."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from core import Outcome, registry
from core.task import Task


class Hold:
    """Stops each run of one operator once it has decided. `decided` tells of runs that stand there."""

    def __init__(self, task_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decided: asyncio.Queue[Task[Any]] = asyncio.Queue()
        self._open = asyncio.Event()
        operator = registry.operators()[task_type]

        async def held(task: Task[Any]) -> Outcome:
            outcome: Outcome = await operator.run(task)
            if not self._open.is_set():
                self.decided.put_nowait(task)
                await self._open.wait()
            return outcome

        monkeypatch.setitem(registry._operators, task_type, dataclasses.replace(operator, run=held))

    async def reached(self) -> Task[Any]:
        """The next run that has read and decided, and has written nothing."""
        async with asyncio.timeout(20):
            return await self.decided.get()

    def release(self) -> None:
        """Lets it commit, and all later runs pass."""
        self._open.set()
