"""`rowmill reports watch`: a folder whose new and changed files are taken in, until Ctrl-C.

It looks, it is not told: so it works on every kind of disk, network shares included. A file is taken once it has not
changed between two looks, so that one that is still being copied waits. What was taken before, also by an earlier
watcher of the same team, is known by its name and bytes and not taken again. It outlives the database and the store.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter
from cyclopts.validators import Number

from core import RowmillError
from core.cli.door import TROUBLE, DataDir, Lasting, console, database, explained, statements, text
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
    with database(data_dir) as dsn:
        asyncio.run(_watch(Lasting(dsn, "watch"), team, folder, about, every, once=once))


async def _watch(
    session: Lasting, team: str, folder: Path, about: dict[str, object], every_s: float, *, once: bool
) -> None:
    row = await team_of(await session.ready(), team)  # what is wrong from the start is told as any error
    stop = asyncio.Event()
    for number in () if once else (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Watcher(session, row["id"], folder, about).run(every_s, stop, once=once)
    await session.close()


@dataclass(slots=True)
class Watcher:
    """What it has seen at the last look, and what of it was taken."""

    session: Lasting
    team_id: UUID
    folder: Path
    about: dict[str, object]
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _done: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _trouble: str | None = None

    async def run(self, every_s: float, stop: asyncio.Event, *, once: bool) -> None:
        """Looks until told to stop, or `once` nothing is left that changes."""
        while not stop.is_set():
            waiting = await (self.look() if once else self._look_in_spite_of_trouble())
            if once and not waiting:
                return
            try:
                async with asyncio.timeout(every_s):
                    await stop.wait()
            except TimeoutError:
                continue

    async def _look_in_spite_of_trouble(self) -> bool:
        """A database or a store that is away is told once; the next looks find out whether it is back."""
        try:
            waiting = await self.look()
        except TROUBLE as error:
            self.session.drop()
            reason = (explained(error) or str(error) or type(error).__name__).partition("; ")[0]
            if reason != self._trouble:
                console().print(text(f"{reason}; the files wait, the next look tries again"), soft_wrap=True)
            self._trouble = reason
            return True
        self._trouble = None
        return waiting

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
        taken, connection = Taken(), await self.session.ready()
        where = {"project_id": self.team_id, "source": "watch", "place": str(self.folder.resolve())[:2000]}
        ingestion_id = (await statements(PACKAGE)["cli_open"].fetch(connection, **where))[0]["id"]
        taker = Taker(connection, self.team_id, ingestion_id, dict(self.about), watches=True)
        await taker.take(ready, taken, lambda _: None)
        await statements(PACKAGE)["cli_end_watched"].fetch(connection, ingestion_id=ingestion_id)
        if taken.files or taken.refused:
            for sentence in told(taken):
                console().print(text(sentence), soft_wrap=True)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
