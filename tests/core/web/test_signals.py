"""Signals over HTTP: once per key, within one's workspaces, in one's own name."""

from __future__ import annotations

from uuid import UUID, uuid4

from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from tests.core.queue.waits import asks, notes
from tests.running import Workers, ended
from tests.serving import Site

YES = {"payload": {"text": "yes"}}


async def workspace(db: Connection) -> UUID:
    found: UUID = await db.fetchval("insert into workspaces (name) values ('Other') returning id")
    return found


async def test_a_task_is_continued_by_its_id_once_per_idempotency_key(site: Site, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id, key = await asks(site.db, "k", workspace_id=DEFAULT_WORKSPACE), uuid4()
    client = await site.client("operate")
    told = (await client.get(f"/api/tasks/{task_id}/explain")).ok()
    assert told["reason"] == "waiting"
    assert (await client.post(f"/api/tasks/{task_id}/signal", YES, key=key)).ok() == {"answer": "continued"}
    await ended(site.db, task_id)
    assert (await client.post(f"/api/tasks/{task_id}/signal", YES, key=key)).ok() == {"answer": "continued"}
    assert await site.db.fetchval("select count(*) from rowmill.signals") == 1
    story = (await client.get(f"/api/tasks/{task_id}")).ok()
    assert [(act["action"], act["user_id"]) for act in story["acts"]] == [("signal", str(await site.user_id(client)))]
    (await client.post(f"/api/tasks/{task_id}/signal", YES)).refusal(409, "wrong_state")


async def test_a_task_is_continued_by_its_key_and_early_ones_are_kept(site: Site, workers: Workers) -> None:
    client = await site.client("operate")
    assert (await client.post("/api/signals", {"key": "early", **YES})).ok() == {"answer": "kept"}
    await workers.start("toy.act")
    task_id = await asks(site.db, "late", workspace_id=DEFAULT_WORKSPACE)
    assert (await client.post("/api/signals", {"key": "late", **YES})).ok() == {"answer": "continued"}
    await ended(site.db, task_id)
    assert await notes(site.db) == ["asks", "late says yes"]
    audit = await site.db.fetch(
        "select entity, entity_id, action from audit_events where entity = 'signal' order by id"
    )
    assert [tuple(row) for row in audit] == [("signal", "early", "signal"), ("signal", "late", "signal")]


async def test_nobody_continues_a_task_of_another_workspace(site: Site, workers: Workers) -> None:
    await workers.start("toy.act")
    other = await workspace(site.db)
    task_id = await asks(site.db, "k", workspace_id=other)
    client, theirs = await site.client("operate"), await site.client("operate", workspaces=(other,))
    (await client.post(f"/api/tasks/{task_id}/signal", YES)).refusal(404, "not_found")
    (await client.post("/api/signals", {"key": "k", "workspace_id": str(other), **YES})).refusal(404, "not_found")
    (await client.post("/api/signals", {"key": str(task_id), **YES})).refusal(422, "invalid")
    assert (await client.post("/api/signals", {"key": "k", **YES})).ok() == {"answer": "kept"}
    (await (await site.client("read")).post("/api/signals", {"key": "k", **YES})).refusal(403, "scope")
    assert (await theirs.post("/api/signals", {"key": "k", **YES})).ok() == {"answer": "continued"}


async def test_waiting_tasks_are_a_metric(site: Site, workers: Workers) -> None:
    await workers.start("toy.act")
    await asks(site.db, "k")
    scraped = (await (await site.client("read")).get("/metrics")).body.decode()
    assert 'rowmill_tasks_waiting{task_type="toy.act"} 1.0' in scraped


async def test_a_payload_that_is_too_large_is_refused(site: Site) -> None:
    client = await site.client("operate")
    large = {"key": "k", "payload": {"text": "x" * 65_400}}
    assert (await client.post("/api/signals", large)).status == 413
    assert await site.db.fetchval("select count(*) from rowmill.signals") == 0
