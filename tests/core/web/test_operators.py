"""Task types and workers over HTTP; a pause is an admin's, and bears his name."""

from __future__ import annotations

from uuid import uuid4

from tests.running import Workers
from tests.serving import Site


async def test_published_types_and_living_workers_are_told(site: Site, workers: Workers) -> None:
    running = await workers.start("toy.set", "toy.note")
    client = await site.client("read")
    found = {each["task_type"]: each for each in (await client.get("/api/operators")).ok()["operators"]}
    assert (found["toy.set"]["workers"], found["toy.set"]["paused_at"]) == (1, None)
    one = (await client.get("/api/operators/toy.set")).ok()
    assert set(one["payload_schema"]["properties"]) == {"row_id", "value"}
    (worker,) = (await client.get("/api/workers")).ok()["workers"]
    assert (worker["worker_id"], worker["alive"], worker["tasks_held"]) == (running.worker_id, True, 0)
    (await client.get("/api/operators/no.such")).refusal(404, "not_found")


async def test_a_pause_bears_the_admin_s_name_until_the_resume(site: Site) -> None:
    await site.db.execute("insert into rowmill.task_types (task_type) values ('toy.set')")
    admin, key = await site.client("admin"), uuid4()
    assert admin.token is not None
    paused = [(await admin.post("/api/operators/toy.set/pause", {"reason": "repairs"}, key=key)).ok() for _ in range(2)]
    assert paused[0] == paused[1]
    assert (paused[0]["paused_by"], paused[0]["paused_reason"]) == (admin.token.email, "repairs")
    second = await site.client("admin")
    again = (await second.post("/api/operators/toy.set/pause", {"reason": "lunch"})).ok()
    assert (again["paused_by"], again["paused_reason"]) == (admin.token.email, "repairs")
    assert (await second.post("/api/operators/toy.set/resume")).ok()["paused_at"] is None
    acts = await site.db.fetch("select action, user_id from audit_events where entity = 'operator' order by id")
    users = [await site.user_id(each) for each in (admin, second, second)]
    assert [(each["action"], each["user_id"]) for each in acts] == list(
        zip(("pause", "pause", "resume"), users, strict=True)
    )


async def test_a_type_that_nobody_published_is_not_paused(site: Site) -> None:
    admin = await site.client("admin")
    for verb, body in (("pause", {}), ("resume", None)):
        (await admin.post(f"/api/operators/no.such/{verb}", body)).refusal(404, "unknown_task_type")
