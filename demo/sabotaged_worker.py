"""A worker that breaks the promise on purpose: its first commit of results completes the tasks and drops their effects.
The demo must notice; `--sabotage` runs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from core.cli import main
from core.queue.commit.writes import Writes

RESULTS = {"SetCell", "RecordReading", "SaveDailyReport"}  # effects of the parts of the demo
honest_write = Writes.write
dropped = False


async def write(self: Writes, effects: Sequence[tuple[Any, Any]], held: dict[Any, Any]) -> None:
    global dropped  # noqa: PLW0603 - one commit per process
    if not dropped and any(type(effect).__name__ in RESULTS for effect, _ in effects):
        dropped = True
        return
    await honest_write(self, effects, held)


if __name__ == "__main__":
    Writes.write = write  # type: ignore[method-assign]
    sys.argv[0] = "rowmill"
    main()
