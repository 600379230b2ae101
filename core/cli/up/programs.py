"""The programs that `rowmill up` keeps: worker processes, and the web beside them.

Each runs in a session of its own, so that Ctrl-C at the terminal reaches the parent alone: the parent decides the order
in which they stop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from core import log
from core.cli.up.lines import LONGEST, Stream
from core.queue.fleet import RESTART_AFTER_S, STEADY_S, Child, Fleet
from core.settings import Settings

WEB_STOPS_S: Final = 10.0


class Workers(Fleet):
    """A fleet whose processes speak through the stream, under names of their own."""

    def __init__(
        self,
        dsn: str,
        settings: Settings,
        count: int,
        command: Callable[[str], Sequence[str]],
        environment: Mapping[str, str],
        stream: Stream,
    ) -> None:
        super().__init__(dsn, settings, count, command, environment)
        self._given, self._stream, self._made = (command, environment), stream, 0
        self._readers: set[asyncio.Task[None]] = set()

    async def _spawn(self) -> Child:
        worker_id = str(uuid.uuid4())
        command, environment = self._given
        self._made += 1
        process, reader = await spawned(f"worker-{self._made}", command(worker_id), environment, self._stream)
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        return Child(worker_id, process)

    async def run(self) -> None:
        await super().run()
        await asyncio.gather(*self._readers)

    def alive(self) -> list[str]:
        """The worker ids of the processes that have not ended."""
        return [each.worker_id for each in self.children.values() if each.process.returncode is None]


class Web:
    """The web process: started again when it dies, but not if it never stood."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], stream: Stream) -> None:
        self._command, self._environment, self._stream = command, environment, stream
        self._stop = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._log = log.get("up")

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def stop(self) -> None:
        self._stop.set()
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    async def run(self) -> bool:
        """Until `stop()`; False = it ended by itself before it had stood for a while."""
        deaths = 0
        while not self._stop.is_set():
            began = asyncio.get_running_loop().time()
            process, reader = await spawned("web", self._command, self._environment, self._stream)
            self._process = process
            code = await self._ended(process)
            await reader
            if self._stop.is_set():
                return True
            steady = asyncio.get_running_loop().time() - began > STEADY_S
            if not steady and not deaths:
                return False
            deaths = 1 if steady else deaths + 1
            self._log.warning("web_died", exit_code=code)
            with suppress(TimeoutError):
                async with asyncio.timeout(RESTART_AFTER_S[min(deaths, len(RESTART_AFTER_S) - 1)]):
                    await self._stop.wait()
        return True

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        waiting = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not waiting.done():
            self.stop()
            try:
                async with asyncio.timeout(WEB_STOPS_S):
                    await asyncio.shield(waiting)
            except TimeoutError:
                self._log.error("web_killed")
                process.kill()
        return await waiting


async def spawned(
    name: str, command: Sequence[str], environment: Mapping[str, str], stream: Stream
) -> tuple[asyncio.subprocess.Process, asyncio.Task[None]]:
    """A program in a session of its own, and the task that follows what it says."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        limit=LONGEST,
    )
    assert process.stdout is not None  # noqa: S101 - asked for two lines above
    return process, asyncio.create_task(stream.follow(name, process.stdout), name=f"lines of {name}")


def rowmill(*words: str) -> list[str]:
    """A command of ours as a process of its own."""
    return [sys.executable, "-m", "core.cli", *words]


def environment_with(dsn: str) -> dict[str, str]:
    return os.environ | {"ROWMILL_DATABASE_URL": dsn}
