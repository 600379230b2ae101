"""The commands of deals do what the routes do, in the name of a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.running import Workers, all_ended
from tests.workers.deals.seeds import FOUNDRY, SARAH, draft_row

MAIL = (
    "From: Sarah <sarah@acme.example>\nTo: a@rowmill.example\nSubject: Dogs\nMessage-ID: <c@x>\n\nAre dogs allowed?\n"
)
TYPES = ("deals.receive_email", "deals.generate_draft", "deals.regenerate_draft", "deals.send_draft")


@pytest.fixture
async def user(db: Connection) -> None:
    await db.execute("insert into users (email) values ('rita@example.org')")


async def test_the_whole_way_of_a_mail(
    db: Connection, rowmill: Rowmill, workers: Workers, user: None, outbox: Path, tmp_path: Path
) -> None:
    for name, document in (("deal", SARAH), ("space", FOUNDRY)):
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    (tmp_path / "mail.eml").write_text(MAIL)
    deal_id = (await rowmill("deals", "add", str(tmp_path / "deal.json"), "--json")).json()["id"]
    space_id = (await rowmill("spaces", "add", str(tmp_path / "space.json"), "--json")).json()["id"]
    await rowmill("deals", "place", str(deal_id), str(space_id), "--status", "touring")
    assert [
        each["id"] for each in (await rowmill("deals", "list", "--needs", "parking", "--json")).json()["deals"]
    ] == [deal_id]
    found = (await rowmill("spaces", "find", "--for", str(deal_id), "--json")).json()["spaces"]
    assert [each["id"] for each in found] == [space_id]
    await workers.start(*TYPES)
    await rowmill("deals", "receive", str(tmp_path / "mail.eml"))
    await all_ended(db)
    [draft] = (await rowmill("drafts", "list", "--json")).json()["drafts"]
    (tmp_path / "text.txt").write_text("Hi Sarah,\n\nDogs are welcome at The Foundry.")
    for words in (
        ("regenerate", str(draft["id"]), "shorter"),
        ("edit", str(draft["id"]), str(tmp_path / "text.txt")),
        ("approve", str(draft["id"])),
        ("archive", str(draft["id"]), "--reason", "wait"),
        ("restore", str(draft["id"])),
        ("send", str(draft["id"])),
    ):
        await rowmill("drafts", *words)
        await all_ended(db)
    row = await draft_row(db, draft["id"])
    assert (row["status"], row["reviewed_by"]) == ("sent", "rita@example.org")
    assert len(list(outbox.iterdir())) == 1
    shown = (await rowmill("deals", "show", str(deal_id), "--json")).json()
    assert [each["direction"] for each in shown["thread"]] == ["inbound", "outbound"]
    assert "Dogs are welcome" in (await rowmill("drafts", "show", str(draft["id"]))).out
