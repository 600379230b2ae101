"""From a mail to a checked draft, with workers and the database."""

from __future__ import annotations

import json

import pytest

from core.db.connect import Connection
from tests.running import Workers, all_ended, ended, enqueue
from tests.workers.deals.seeds import Seeded, add_draft, add_email, approve, draft_row, seed

GENERATE, REGENERATE = "deals.generate_draft", "deals.regenerate_draft"


@pytest.fixture
async def seeded(db: Connection) -> Seeded:
    return await seed(db)


async def test_a_mail_becomes_one_checked_draft_however_often_it_is_asked_for(
    db: Connection, workers: Workers, seeded: Seeded
) -> None:
    await workers.start(GENERATE)
    tasks = [await enqueue(db, GENERATE, {"email_id": seeded.email_id}) for _ in range(5)]
    await all_ended(db)
    assert {(await ended(db, each))["status"] for each in tasks} == {"completed"}
    rows = await db.fetch("select * from email_drafts")
    assert len(rows) == 1
    draft = rows[0]
    assert (draft["status"], draft["current_version"], draft["regeneration_count"]) == ("pending", 0, 0)
    assert "costs $250 per month" in draft["final_body"]
    assert json.loads(draft["validation"])["status"] == "passed"
    reasoning = json.loads(draft["reasoning"])
    assert reasoning["questionsAddressed"][0]["sourceEmailId"] == seeded.email_id
    assert {"dataPoint", "sourceType", "sourceId", "fieldPath", "value"} <= set(reasoning["dataUsed"][0])
    [version] = json.loads(draft["draft_versions"])
    assert (version["version"], version["body"], version["prompt"]) == (0, draft["final_body"], None)
    assert json.loads(draft["metadata"])["model"] == "offline-drafter-1"
    audit = await db.fetch("select action, task_id from audit_events where entity = 'draft'")
    assert [row["action"] for row in audit] == ["generated"]
    assert audit[0]["task_id"] in tasks


async def test_mails_of_ours_and_of_deleted_deals_get_no_draft(
    db: Connection, workers: Workers, seeded: Seeded
) -> None:
    ours = await add_email(db, seeded.deal_id, direction="outbound")
    await workers.start(GENERATE)
    assert (await ended(db, await enqueue(db, GENERATE, {"email_id": ours})))["status"] == "cancelled"
    await db.execute("update deals set deleted_at = now()")
    assert (await ended(db, await enqueue(db, GENERATE, {"email_id": seeded.email_id})))["status"] == "cancelled"
    assert (await ended(db, await enqueue(db, GENERATE, {"email_id": 2**31 - 1})))["status"] == "cancelled"


async def test_a_regeneration_is_a_further_version_and_takes_an_approval_back(
    db: Connection, workers: Workers, seeded: Seeded
) -> None:
    draft_id = await add_draft(db, seeded)
    await approve(db, draft_id)
    await workers.start(REGENERATE)
    task = await enqueue(db, REGENERATE, {"draft_id": draft_id, "instruction": "mention the address", "counted": True})
    assert (await ended(db, task))["status"] == "completed"
    draft = await draft_row(db, draft_id)
    assert (draft["status"], draft["current_version"]) == ("pending", 1)
    assert draft["approved_sha256"] is None
    assert "410 Mission Street" in draft["final_body"]
    versions = json.loads(draft["draft_versions"])
    assert [each["prompt"] for each in versions] == [None, "mention the address"]
    assert versions[0]["body"] == "Hi Sarah,\n\nThank you."


async def test_a_regeneration_asked_for_by_plain_sql_counts_like_any_other(
    db: Connection, workers: Workers, seeded: Seeded
) -> None:
    draft_id = await add_draft(db, seeded, regeneration_count=2)
    await workers.start(REGENERATE)
    await ended(db, await enqueue(db, REGENERATE, {"draft_id": draft_id, "instruction": "shorter"}))
    await all_ended(db)
    assert (await draft_row(db, draft_id))["regeneration_count"] == 3
    refused = await ended(db, await enqueue(db, REGENERATE, {"draft_id": draft_id, "instruction": "longer"}))
    assert refused["status"] == "cancelled"
    assert "24 hours must pass" in refused["error_message"]
    draft = await draft_row(db, draft_id)
    assert (draft["regeneration_count"], draft["current_version"]) == (3, 1)


@pytest.mark.parametrize("status", ["sent", "archived"])
async def test_a_draft_that_left_meanwhile_is_not_written_again_and_its_count_comes_back(
    db: Connection, workers: Workers, seeded: Seeded, status: str
) -> None:
    draft_id = await add_draft(db, seeded, regeneration_count=2)
    if status == "archived":
        await db.execute(
            "update email_drafts set status = 'archived', archived_from = 'pending', archived_at = now(), "
            "archived_by = 'me'"
        )
    else:
        await approve(db, draft_id)
        await db.execute(
            "update email_drafts set status = 'sent', sent_at = now(), sent_email_id = $1", seeded.email_id
        )
    await workers.start(REGENERATE)
    task = await enqueue(db, REGENERATE, {"draft_id": draft_id, "instruction": "shorter", "counted": True})
    row = await ended(db, task)
    assert (row["status"], f"is {status}" in row["error_message"]) == ("cancelled", True)
    draft = await draft_row(db, draft_id)
    assert (draft["regeneration_count"], draft["current_version"]) == (1, 0)
