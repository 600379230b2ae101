"""Tasks over HTTP: who sees them, who may change them, once per key, in whose name."""

from __future__ import annotations

from uuid import UUID, uuid4

from core.db.workspace import DEFAULT_WORKSPACE
from tests.running import Workers, ended, enqueue
from tests.serving import Site

SET = {"row_id": 1, "value": "x"}


async def test_a_task_is_enqueued_done_and_told(site: Site, workers: Workers) -> None:
    await workers.start("toy.set")
    await site.db.execute("insert into toy_rows (id, value) values (1, 'old')")
    client = await site.client("operate")
    made = (await client.post("/api/tasks", {"task_type": "toy.set", "payload": SET})).ok()
    assert made["created"] is True
    await ended(site.db, UUID(made["id"]))
    story = (await client.get(f"/api/tasks/{made['id']}")).ok()
    assert (story["task"]["status"], story["task"]["payload"]) == ("completed", SET)
    assert [run["success"] for run in story["runs"]] == [True]
    assert [(each["action"], each["user_id"]) for each in story["acts"]] == [
        ("enqueue", str(await site.user_id(client)))
    ]
    (listed,) = (await client.get("/api/tasks?type=toy.*&status=completed&field=row_id=1")).ok()["tasks"]
    assert listed["id"] == made["id"]


# --- who sees what ----------------------------------------------------------------------------------------------------


async def other_workspace(site: Site) -> UUID:
    found: UUID = await site.db.fetchval("insert into workspaces (name) values ('Other') returning id")
    return found


async def test_tasks_of_another_workspace_do_not_exist(site: Site) -> None:
    """Not in the list, not by their id, not to be changed; a task without a workspace is for admins."""
    await site.db.execute("insert into rowmill.task_types (task_type) values ('toy.set')")
    other = await other_workspace(site)
    mine = await enqueue(site.db, "toy.set", SET, workspace_id=DEFAULT_WORKSPACE)
    hidden = [await enqueue(site.db, "toy.set", SET, workspace_id=each) for each in (other, None)]
    client, admin = await site.client("operate"), await site.client("admin")
    assert [each["id"] for each in (await client.get("/api/tasks")).ok()["tasks"]] == [str(mine)]
    assert len((await admin.get("/api/tasks")).ok()["tasks"]) == 3
    for task_id in hidden:
        (await client.get(f"/api/tasks/{task_id}")).refusal(404, "not_found")
        (await client.get(f"/api/tasks/{task_id}/explain")).refusal(404, "not_found")
        for verb in ("retry", "cancel"):
            (await client.post(f"/api/tasks/{task_id}/{verb}")).refusal(404, "not_found")
        (await admin.get(f"/api/tasks/{task_id}")).ok()
    assert await site.db.fetchval("select count(*) from task_queue where status = 'pending'") == 3
    unknown = (await client.get(f"/api/tasks/{uuid4()}")).refusal(404)
    assert unknown == (await client.get(f"/api/tasks/{hidden[0]}")).refusal(404)  # not even that it exists


async def test_nobody_enqueues_into_a_workspace_that_is_not_his(site: Site) -> None:
    await site.db.execute("insert into rowmill.task_types (task_type) values ('toy.set')")
    other = await other_workspace(site)
    new = {"task_type": "toy.set", "payload": SET}
    client, admin = await site.client("operate"), await site.client("admin")
    both = await site.client("operate", workspaces=(DEFAULT_WORKSPACE, other))
    (await client.post("/api/tasks", new | {"workspace_id": str(other)})).refusal(404, "not_found")
    assert (await both.post("/api/tasks", new)).refusal(422, "workspace")["field"] == "workspace_id"
    for who, given in ((client, {}), (both, {"workspace_id": str(other)}), (admin, {})):
        (await who.post("/api/tasks", new | given)).ok()
    made = await site.db.fetch("select workspace_id from task_queue order by id")
    assert [row["workspace_id"] for row in made] == [DEFAULT_WORKSPACE, other, None]


async def test_a_list_goes_on_where_the_page_before_ended(site: Site) -> None:
    ids = [str(await enqueue(site.db, "toy.set", SET | {"row_id": n})) for n in range(7)]
    admin, pages, query = await site.client("admin"), [], "limit=3"
    for _ in range(3):
        pages.append((await admin.get(f"/api/tasks?{query}")).ok())
        query = f"limit=3&before={pages[-1]['tasks'][-1]['id']}"
    assert [task["id"] for page in pages for task in page["tasks"]] == sorted(ids, reverse=True)
    assert [page["more"] for page in pages] == [True, True, False]


async def test_filters_are_those_of_the_command_line(site: Site) -> None:
    await enqueue(site.db, "toy.set", SET, concurrency_key="k")
    failed = await enqueue(site.db, "toy.note", {"note": "a=b"})
    await site.db.execute(
        "update task_queue set status = 'failed', error_message = 'Too 50%_odd' where id = $1", failed
    )
    admin = await site.client("admin")

    async def count(query: str) -> int:
        return len((await admin.get(f"/api/tasks?{query}")).ok()["tasks"])

    matching = ("type=toy.*", "type=toy.n?te", "status=failed&status=pending", "since=2020-01-01T00:00:00Z")
    assert [await count(query) for query in matching] == [2, 1, 2, 2]
    others = (
        "key=k",
        "error=50%25_ODD",
        "error=5%25odd",
        "field=note=a=b",
        "field=note=a",
        "until=2020-01-01T00:00:00Z",
    )
    assert [await count(query) for query in others] == [1, 1, 0, 1, 0, 0]


async def test_a_task_is_explained(site: Site) -> None:
    task_id = await enqueue(site.db, "toy.set", SET)
    told = (await (await site.client("admin")).get(f"/api/tasks/{task_id}/explain")).ok()
    assert (told["task_id"], told["status"]) == (str(task_id), "pending")
    assert "no live worker knows the type toy.set" in told["sentence"]


async def test_a_cancel_and_a_retry_are_told_in_the_story(site: Site) -> None:
    task_id = await enqueue(site.db, "toy.set", SET, workspace_id=DEFAULT_WORKSPACE)
    client = await site.client("operate")
    for verb, answer in (("cancel", "cancelled"), ("retry", "pending")):
        assert (await client.post(f"/api/tasks/{task_id}/{verb}")).ok() == {"id": str(task_id), "answer": answer}
    story = (await client.get(f"/api/tasks/{task_id}")).ok()
    assert [(each["action"], each["before"], each["after"]) for each in story["acts"]] == [
        ("retry", {"status": "cancelled"}, {"status": "pending"}),
        ("cancel", {"status": "pending"}, {"status": "cancelled"}),
    ]


async def test_numbers_of_a_payload_arrive_as_they_lie(site: Site) -> None:
    task_id = await enqueue(site.db, "toy.set", '{"n": 12345678901234567890123.5}')
    reply = await (await site.client("admin")).get(f"/api/tasks/{task_id}")
    assert b'"payload":{"n": 12345678901234567890123.5}' in reply.body
