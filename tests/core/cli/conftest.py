"""The command line, called in this process: what a person types, and what is said on both streams."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest
import structlog

from core.cli import run
from core.cli.main import app
from tests.running import DOMAINS, Database


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    def words(self) -> str:
        """Its answer without line breaks and frames."""
        assert self.code == 0, self.err
        return " ".join(self.out.split())

    def refusal(self) -> str:
        """What a failing command says: exactly one sentence on stderr, nothing else."""
        assert (self.code, self.out) == (1, ""), self
        assert self.err.startswith("rowmill: ")
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


Rowmill: TypeAlias = Callable[..., Awaitable[Said]]


def code_of(words: tuple[str, ...]) -> int:
    try:
        run(lambda: app(words), "rowmill")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture
def rowmill(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Rowmill]:
    """Calls `rowmill` with these words on the test's database. A command has a loop of its own: hence the thread. What
    workers of the test log meanwhile is none of its answer."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    monkeypatch.setenv("ROWMILL_DATABASE_URL", database.dsn)
    monkeypatch.setenv("ROWMILL_DOMAINS", ",".join(DOMAINS))
    monkeypatch.setenv("COLUMNS", "200")

    async def call(*words: str) -> Said:
        capsys.readouterr()
        code = await asyncio.to_thread(code_of, words)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    yield call
    structlog.reset_defaults()
