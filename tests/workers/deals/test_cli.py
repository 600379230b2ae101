"""The commands of deals do what the routes do, in the name of a person."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.running import Workers, all_ended
from tests.workers.deals.seeds import FOUNDRY, SARAH, Seeded, add_draft, draft_row, seed

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


@pytest.fixture
async def seeded(db: Connection) -> Seeded:
    return await seed(db)


async def test_what_is_not_there_is_said_with_the_next_step(rowmill: Rowmill, user: None) -> None:
    for words in ("deals show", "drafts show", "spaces find --for", "spaces show", "drafts history", "drafts approve"):
        told = (await rowmill(*words.split(), "9")).refusal()
        assert ("there is no" in told, "check the id" in told) == (True, True)
    for empty in ("deals list", "drafts list", "deals unassigned", "drafts reasons", "spaces find"):
        assert "0 " in (await rowmill(*empty.split())).words()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("missing.json", None, "cannot be read"),
        ("text.json", "{", "is no JSON"),
        ("list.json", "[]", "holds no JSON object"),
        ("field.json", '{"surname": "x"}', "surname: Extra inputs are not permitted"),
        ("value.json", '{"stage": "lost"}', "stage: Input should be 'inquiry'"),
        ("number.json", '{"team_size": 0}', "team_size: Input should be greater than or equal to 1"),
    ],
)
async def test_a_file_that_cannot_be_taken_is_refused_with_its_first_mistake(
    rowmill: Rowmill, user: None, seeded: Seeded, tmp_path: Path, name: str, text: str | None, told: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    assert told in (await rowmill("deals", "change", str(seeded.deal_id), str(tmp_path / name))).refusal()


@pytest.mark.parametrize(
    "words",
    [
        ("deals", "list", "--stage", "lost"),
        ("deals", "list", "--limit", "0"),
        ("deals", "place", "1", "1", "--status", "liked"),
        ("drafts", "list", "--status", "lost"),
        ("drafts", "show", "0"),
        ("drafts", "show", "99999999999"),
        ("drafts", "resolve", "1", "perhaps"),
        ("deals", "assign", "no-uuid", "1"),
    ],
)
async def test_words_outside_their_set_are_refused_at_once(
    rowmill: Rowmill, user: None, words: tuple[str, ...]
) -> None:
    said = await rowmill(*words)
    assert said.code == 2  # the words, not the work
    assert "Traceback" not in said.err + said.out


async def test_deals_and_spaces_are_changed_and_deals_deleted(
    db: Connection, rowmill: Rowmill, user: None, seeded: Seeded, tmp_path: Path
) -> None:
    (tmp_path / "deal.json").write_text('{"stage": "negotiating", "team_size": 20}')
    (tmp_path / "space.json").write_text('{"monthly_rate": 9900}')
    await rowmill("deals", "change", str(seeded.deal_id), str(tmp_path / "deal.json"))
    await rowmill("spaces", "change", str(seeded.foundry_id), str(tmp_path / "space.json"))
    deal = (await rowmill("deals", "show", str(seeded.deal_id), "--json")).json()
    assert (deal["stage"], deal["team_size"], deal["company_name"]) == ("negotiating", 20, "Acme Robotics")
    assert (await rowmill("spaces", "show", str(seeded.foundry_id), "--json")).json()["monthly_rate"] == 9900
    await rowmill("deals", "delete", str(seeded.deal_id))
    assert (await rowmill("deals", "list", "--json")).json()["deals"] == []


async def test_an_approval_may_name_the_version_that_was_read(
    db: Connection, rowmill: Rowmill, user: None, seeded: Seeded, tmp_path: Path
) -> None:
    """S10 on the command line: what has changed since is not approved unread."""
    draft_id = str(await add_draft(db, seeded))
    seen = str((await rowmill("drafts", "show", draft_id, "--json")).json()["version"])
    (tmp_path / "text.txt").write_text("Hi Sarah,\n\nDogs are welcome at The Foundry.")
    await rowmill("drafts", "edit", draft_id, str(tmp_path / "text.txt"), "--seen", seen)
    told = (await rowmill("drafts", "approve", draft_id, "--seen", seen)).refusal()
    assert f"read it again with `rowmill drafts show {draft_id}`" in told
    now = str((await rowmill("drafts", "show", draft_id, "--json")).json()["version"])
    assert "is approved" in (await rowmill("drafts", "approve", draft_id, "--seen", now)).words()
    history = (await rowmill("drafts", "history", draft_id, "--json")).json()["events"]
    assert [(each["action"], each["by"]) for each in history][-2:] == [
        ("edited", "rita@example.org"),
        ("approved", "rita@example.org"),
    ]


async def test_a_mail_of_a_stranger_is_assigned_by_hand(
    db: Connection, rowmill: Rowmill, workers: Workers, user: None, seeded: Seeded, tmp_path: Path
) -> None:
    (tmp_path / "mail.eml").write_text(MAIL.replace("sarah@acme.example", "stranger@example.org"))
    await workers.start(*TYPES)
    await rowmill("deals", "receive", str(tmp_path / "mail.eml"))
    await all_ended(db)
    assert "no open deal of this sender" in (await rowmill("deals", "unassigned")).words()
    [mail] = (await rowmill("deals", "unassigned", "--json")).json()["mails"]
    await rowmill("deals", "dismiss", mail["id"])
    assert (await rowmill("deals", "unassigned", "--json")).json()["mails"] == []
    assert "not on the unassigned list" in (await rowmill("deals", "dismiss", mail["id"])).refusal()
    await rowmill("deals", "assign", mail["id"], str(seeded.deal_id))
    await all_ended(db)
    assert (await rowmill("deals", "unassigned", "--json")).json()["mails"] == []
    assert "on a thread already" in (await rowmill("deals", "assign", mail["id"], str(seeded.deal_id))).refusal()


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 50_001])
async def test_a_text_that_no_mail_can_have_is_refused(
    db: Connection, rowmill: Rowmill, user: None, seeded: Seeded, tmp_path: Path, text: str
) -> None:
    draft_id = str(await add_draft(db, seeded))
    (tmp_path / "text.txt").write_text(text)
    assert "a mail has 1 to 50,000" in (await rowmill("drafts", "edit", draft_id, str(tmp_path / "text.txt"))).refusal()
