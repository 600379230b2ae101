"""The part of the deals plays to its end on the real server, and its proof is its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import deals
from demo.part import Asked

FEW = {"mails_in": 5, "drafts": 4, "stopped_by_the_check": 1, "unassigned": 1, "sent": 3, "arrived": 3, "doubled": 0}


def test_five_mails_become_three_that_leave_once_and_one_that_is_stopped(tmp_path: Path) -> None:
    told = deals.perform(Asked("test-deals", quiet=True, data_dir=tmp_path / "pg"))
    assert told.holds
    assert {name: told.figures[name] for name in FEW} == FEW
    assert "spaces.2.monthlyRate" in told.figures["why_stopped"]


def test_a_mail_that_arrives_twice_would_be_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The witness of the test above: a server that keeps every mail twice."""
    once = deals.Inbox.handle_DATA

    async def twice(self: deals.Inbox, server: object, session: object, envelope: object) -> str:
        await once(self, server, session, envelope)
        return await once(self, server, session, envelope)

    monkeypatch.setattr(deals.Inbox, "handle_DATA", twice)
    told = deals.perform(Asked("test-deals-twice", quiet=True, data_dir=tmp_path / "pg"))
    assert (told.holds, told.figures["doubled"]) == (False, 3)
