"""Node programs with the unmodified npm packages, installed once for each lock file, by its hashes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.settings import PROJECT
from workers.turns.adapter import install

HERE = Path(__file__).parent / "node"
needs_node = pytest.mark.skipif(
    shutil.which("npm") is None, reason="needs Node: install the Debian packages nodejs and npm"
)
LIMIT_S = 80.0


def installed() -> Path:
    """A folder with the packages and our programs."""
    home = install(PROJECT / ".rowmill").parent
    for program in HERE.glob("*.mjs"):
        draft = home / f"{program.name}-{os.getpid()}"
        draft.write_text(program.read_text(encoding="utf-8"), encoding="utf-8")
        draft.rename(home / program.name)
    return home


@dataclass
class Program:
    """A running Node program that prints JSON lines."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        text = await self.process.stdout.readline()
        assert text, f"the program ended; its last lines: {self.lines[-3:]}"
        self.lines.append(json.loads(text))
        return self.lines[-1]

    async def until(self, right: Callable[[dict[str, Any]], Any], what: str = "") -> dict[str, Any]:
        """The first line from here on that is right."""
        try:
            async with asyncio.timeout(LIMIT_S):
                while not right(found := await self.line()):
                    pass
        except TimeoutError:
            raise AssertionError(f"{what or 'the right line'} did not come; the last ones: {self.lines[-3:]}") from None
        return found

    async def sql(self, statement: str) -> list[dict[str, Any]] | None:
        """Runs SQL inside PGlite."""
        assert self.process.stdin is not None
        self.process.stdin.write(statement.replace("\n", " ").encode() + b"\n")
        answer = await self.until(lambda line: "answer" in line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        rows: list[dict[str, Any]] = answer["answer"]
        return rows


@asynccontextmanager
async def node(program: str, **asked: Any) -> AsyncIterator[Program]:
    """Runs one of the programs while the block runs."""
    home = await asyncio.to_thread(installed)
    process = await asyncio.create_subprocess_exec(
        *("node", program, json.dumps(asked)),
        cwd=home,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64_000_000,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
