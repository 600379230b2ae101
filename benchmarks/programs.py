"""Starts the programs of a benchmark (workers, producers), hears their JSON lines, and ends them whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.stall import within
from core.errors import RowmillError
from core.settings import PROJECT

STATE: Final = PROJECT / ".rowmill" / "bench"
STOP_S: Final = 20.0
LINE_LIMIT: Final = 2**24  # bytes; a worker tells all its latencies in one line
Line = dict[str, Any]


class ProgramFailed(RowmillError):
    """A program of the benchmark ended when it should not have."""


@dataclass
class Program:
    """A started program and what it has said."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    lines: list[Line] = field(default_factory=list)
    reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Raises ProgramFailed if it has ended."""
        if self.process.returncode is not None:
            raise self.failure()

    def failure(self) -> ProgramFailed:
        said = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-8:]
        ended = f"{self.name} ended with {self.process.returncode}"
        return ProgramFailed(f"{ended}; the whole story stands in {self.log}:\n" + "\n".join(said))

    async def answer(self, limit_s: float = 600.0) -> Line:
        """Waits for its end; its last line is its answer."""
        async with within(limit_s, f"{self.name} did not end"):
            code = await self.process.wait()
            if self.reading is not None:
                await self.reading
        if code or not self.lines:
            raise self.failure()
        return self.lines[-1]

    async def stop(self, limit_s: float = STOP_S) -> None:
        """SIGTERM, then SIGKILL for its whole session."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(limit_s):
                await self.process.wait()
                if self.reading is not None:
                    await self.reading
        except TimeoutError:
            self.kill()
            await self.process.wait()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


@asynccontextmanager
async def running(name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> AsyncIterator[Program]:
    """The program, in a session of its own so that Ctrl-C reaches us alone; ended with the block."""
    log = STATE / "logs" / f"{name.replace(' ', '-')}-{time.monotonic_ns()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=os.environ | dict(environment),
            cwd=PROJECT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            limit=LINE_LIMIT,
        )
    program = Program(name, process, log)
    program.reading = asyncio.create_task(_read(program))
    try:
        yield program
        if program.process.returncode is None:
            await program.stop()
    finally:
        if program.process.returncode is None:
            program.kill()
            await program.process.wait()
        program.reading.cancel()
        if program.process.returncode in {0, -signal.SIGTERM, 143}:
            log.unlink(missing_ok=True)


async def _read(program: Program) -> None:
    assert program.process.stdout is not None
    async for line in program.process.stdout:
        if line.startswith(b"{"):
            program.lines.append(json.loads(line))


async def run(name: str, command: Sequence[str | Path], environment: Mapping[str, str], limit_s: float = 600.0) -> Line:
    """Runs a program to its end and returns its answer."""
    async with running(name, command, environment) as program:
        return await program.answer(limit_s)
