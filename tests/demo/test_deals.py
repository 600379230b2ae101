"""The part of the deals plays to its end on the real server, and its proof notices a mail that arrives twice."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db.embedded import EmbeddedServer
from core.settings import PROJECT
from demo import deals
from demo.part import Asked, Told

FEW = {"mails_in": 5, "drafts": 4, "stopped_by_the_check": 1, "unassigned": 1, "sent": 3, "arrived": 3, "doubled": 0}


@pytest.fixture
def folder(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A name for the run; its folder is taken away."""
    monkeypatch.setenv("ROWMILL_DATABASE_URL", server.dsn())
    name = f"test_{tmp_path.name.lower()}"[:40]
    yield name
    shutil.rmtree(PROJECT / "out" / name, ignore_errors=True)


async def played(name: str) -> Told:
    return await asyncio.to_thread(deals.perform, Asked(name, os.environ["ROWMILL_DATABASE_URL"], quiet=True))


async def test_five_mails_become_three_that_leave_once_and_one_that_is_stopped(folder: str) -> None:
    told = await played(folder)
    assert told.holds
    assert {name: told.figures[name] for name in FEW} == FEW
    assert "spaces.2.monthlyRate" in told.figures["why_stopped"]


async def test_a_mail_that_arrives_twice_is_seen(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The witness of the test above: a server that keeps every mail twice."""
    once = deals.Inbox.handle_DATA

    async def twice(self: deals.Inbox, server: object, session: object, envelope: object) -> str:
        await once(self, server, session, envelope)
        return await once(self, server, session, envelope)

    monkeypatch.setattr(deals.Inbox, "handle_DATA", twice)
    told = await played(folder)
    assert (told.holds, told.figures["doubled"]) == (False, 3)
