"""One idempotency key, one change: the same request again hears the same answer, another one is refused."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from core.db.workspace import DEFAULT_WORKSPACE
from tests.serving import Client, Site

NOTE = {"task_type": "toy.note", "payload": {"note": "once"}}


@pytest.fixture
async def client(site: Site) -> Client:
    await site.db.execute("insert into rowmill.task_types (task_type) values ('toy.note')")
    await site.db.execute("insert into toy_rows (id, value) values (1, 'old')")
    return await site.client("operate")


async def tasks(site: Site) -> int:
    found: int = await site.db.fetchval("select count(*) from task_queue")
    return found


@pytest.mark.parametrize("path", ["/api/tasks", "/api/toy/rows/1"])
async def test_a_post_without_a_key_is_refused_by_the_header_s_name(site: Site, client: Client, path: str) -> None:
    error = (await client.post(path, {}, key=None)).refusal(400, "invalid")
    assert error["field"] == "Idempotency-Key"
    assert "Idempotency-Key" in error["message"]


async def test_a_key_is_a_uuid(site: Site, client: Client) -> None:
    for key in ("1", "x" * 36, "{123e4567-e89b-42d3-a456-426614174000}", "123e4567e89b42d3a456426614174000"):
        assert (await client.post("/api/tasks", NOTE, key=key)).refusal(400)["field"] == "Idempotency-Key"
    assert await tasks(site) == 0


async def test_the_same_request_is_done_once_and_answered_alike(site: Site, client: Client) -> None:
    key = uuid4()
    replies = [await client.post("/api/tasks", NOTE, key=key) for _ in range(3)]
    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    assert await tasks(site) == 1


async def test_twenty_at_the_same_moment_are_one(site: Site, client: Client) -> None:
    key = uuid4()
    replies = await asyncio.gather(*(client.post("/api/tasks", NOTE, key=key) for _ in range(20)))
    done = [reply for reply in replies if reply.status == 200]
    assert {reply.body for reply in done} == {done[0].body}
    assert {reply.status for reply in replies} <= {200, 503}  # 503: the wait for a lock or a connection was too long
    assert await tasks(site) == 1


async def test_a_key_is_good_for_one_request_only(site: Site, client: Client) -> None:
    key = uuid4()
    (await client.post("/api/tasks", NOTE, key=key)).ok()
    other_body = await client.post("/api/tasks", NOTE | {"priority": 9}, key=key)
    other_path = await client.post(f"/api/tasks/{uuid4()}/retry", key=key)
    other_domain = await client.post("/api/toy/rows/1", {"value": "x"}, key=key)
    for reply in (other_body, other_domain):
        assert reply.refusal(409, "reused")["field"] == "Idempotency-Key"
    assert other_path.status == 409
    assert await tasks(site) == 1


async def test_a_key_is_of_one_user_only(site: Site, client: Client) -> None:
    key = uuid4()
    (await client.post("/api/tasks", NOTE, key=key)).ok()
    other = await site.client("operate")
    (await other.post("/api/tasks", NOTE, key=key)).refusal(409, "reused")


async def test_what_was_refused_may_be_tried_again_with_the_same_key(site: Site, client: Client) -> None:
    made = (await client.post("/api/tasks", NOTE)).ok()["id"]
    key = uuid4()
    (await client.post(f"/api/tasks/{made}/retry", key=key)).refusal(409, "wrong_state")
    await site.db.execute("update task_queue set status = 'failed'")
    assert (await client.post(f"/api/tasks/{made}/retry", key=key)).ok()["answer"] == "pending"
    assert (await client.post(f"/api/tasks/{made}/retry", key=key)).ok()[
        "answer"
    ] == "pending"  # it is pending: a replay


async def test_an_act_is_audited_once_with_user_and_key(site: Site, client: Client) -> None:
    key = uuid4()
    made = (await client.post("/api/tasks", NOTE, key=key)).ok()
    (await client.post("/api/tasks", NOTE, key=key)).ok()
    (event,) = await site.db.fetch("select * from audit_events")
    assert (event["entity"], event["entity_id"], event["action"]) == ("task", made["id"], "enqueue")
    assert (event["user_id"], event["command_id"]) == (await site.user_id(client), key)
    assert event["workspace_id"] == DEFAULT_WORKSPACE


# --- commands of a domain ------------------------------------------------------------------------------------------


async def test_a_domain_s_command_is_written_once_in_the_user_s_name(site: Site, client: Client) -> None:
    key = uuid4()
    replies = [await client.post("/api/toy/rows/1", {"value": "new"}, key=key) for _ in range(2)]
    assert replies[0].ok() == replies[1].ok()
    (edit,) = await site.db.fetch("select * from toy_edits")
    assert (edit["before"], edit["after"]) == ("old", "new")
    assert (edit["user_id"], edit["command_id"]) == (await site.user_id(client), UUID(str(key)))


async def test_a_row_that_has_changed_is_named_with_its_version(site: Site, client: Client) -> None:
    first = (await client.post("/api/toy/rows/1", {"value": "a"})).ok()
    second = (await client.post("/api/toy/rows/1", {"value": "b", "version": first["version"]})).ok()
    error = (await client.post("/api/toy/rows/1", {"value": "c", "version": first["version"]})).refusal(409, "stale")
    assert error["details"]["changed"] == [{"entity": "toy_rows", "key": 1, "version": second["version"]}]
    assert await site.db.fetchval("select value from toy_rows") == "b"


async def test_a_constraint_is_told_and_nothing_written(site: Site, client: Client) -> None:
    reply = await client.post("/api/toy/rows/1", {"value": "x" * 2000})
    assert "toy_rows_short" in reply.refusal(422, "invalid")["message"]
    assert await site.db.fetchval("select value from toy_rows") == "old"
