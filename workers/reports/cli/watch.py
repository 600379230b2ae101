"""`rowmill reports watch`: a folder whose new and changed files are taken in, until Ctrl-C.

It looks, it is not told: so it works on every kind of disk, network shares included. A file is taken once it has not
changed between two looks, so that one that is still being copied waits. What was taken before, also by an earlier
watcher of the same team, is known by its name and bytes and not taken again.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import asyncpg
from cyclopts import Parameter
from cyclopts.validators import Number

from core import RowmillError
from core.cli.door import Connection, DataDir, ask, console, statements, text
from workers.reports import adapter
from workers.reports.cli.ingest import Author, DayFirst, KindOption, Week, about_of, plain
from workers.reports.cli.place import PACKAGE, Env, Team, enter, team_of
from workers.reports.cli.taking import Found, Taken, Taker, found_below, told

Folder = Annotated[Path, Parameter(name="FOLDER", help="The folder, with everything below it.")]
Every = Annotated[
    float, Parameter(name="--every", help="Seconds between two looks.", validator=Number(gte=0.05, lte=3600))
]
Once = Annotated[bool, Parameter(name="--once", negative="", help="Look until nothing changes, take that, and end.")]

State = Mapping[Path, tuple[int, int]]  # size and time of each file


def watch(  # noqa: PLR0913 - one option for each thing that can be said about files
    folder: Folder,
    *,
    team: Team,
    env: Env = None,
    kind: KindOption = None,
    author: Author = None,
    week: Week = None,
    day_first: DayFirst = False,
    every: Every = 1.0,
    once: Once = False,
    data_dir: DataDir = None,
) -> None:
    """Take in what appears or changes in a folder, until Ctrl-C. Nothing is taken twice, after a restart neither."""
    enter(env, data_dir)
    if reason := adapter.off():
        raise RowmillError(reason)
    if not folder.is_dir():
        raise RowmillError(f"there is no folder {folder}; make it, or name another one")
    about = plain(about_of(kind, author, week, day_first=day_first))

    async def work(connection: Connection) -> None:
        row = await team_of(connection, team)
        watcher = Watcher(connection, row, folder, about)
        stop = asyncio.Event()
        for number in () if once else (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await watcher.run(every, stop, once=once)

    ask(data_dir, work)


@dataclass(slots=True)
class Watcher:
    """What it has seen at the last look, and what of it was taken."""

    connection: Connection
    team: asyncpg.Record
    folder: Path
    about: dict[str, object]
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _done: dict[Path, tuple[int, int]] = field(default_factory=dict)

    async def run(self, every_s: float, stop: asyncio.Event, *, once: bool) -> None:
        """Looks until told to stop, or `once` nothing is left that changes."""
        while not stop.is_set():
            waiting = await self.look()
            if once and not waiting:
                return
            try:
                async with asyncio.timeout(every_s):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self) -> bool:
        """Takes what has not changed since the look before; True where something may still be changing."""
        found = found_below([self.folder], Taken())
        now = {each.path: mark for each in found if (mark := _mark(each.path)) is not None}
        ready = [
            each
            for each in found
            if (mark := now.get(each.path)) and self._seen.get(each.path) == mark and self._done.get(each.path) != mark
        ]
        if ready:
            await self._take(ready)
            self._done |= {each.path: now[each.path] for each in ready}
        changing = {path for path, mark in now.items() if self._done.get(path) != mark}
        self._seen = now
        return bool(changing)

    async def _take(self, ready: list[Found]) -> None:
        taken = Taken()
        where = {"project_id": self.team["id"], "source": "watch", "place": str(self.folder.resolve())[:2000]}
        ingestion_id = (await statements(PACKAGE)["cli_open"].fetch(self.connection, **where))[0]["id"]
        taker = Taker(self.connection, self.team["id"], ingestion_id, dict(self.about), watches=True)
        await taker.take(ready, taken, lambda _: None)
        await statements(PACKAGE)["cli_end_watched"].fetch(self.connection, ingestion_id=ingestion_id)
        if taken.files or taken.refused:
            for sentence in told(taken):
                console().print(text(sentence), soft_wrap=True)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
