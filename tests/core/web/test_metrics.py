"""/metrics says how the queue, the connections and the requests do; /readyz whether all that is needed is there."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.web import snapshot
from tests.running import Workers, all_ended, enqueue
from tests.serving import Client, Site

Samples: TypeAlias = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scraped(client: Client) -> Samples:
    reply = await client.get("/metrics")
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(reply.body.decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


async def test_the_queue_the_workers_and_the_process_are_told(site: Site, workers: Workers) -> None:
    await workers.start("toy.note")
    await enqueue(site.db, "toy.note", {"note": "done"})
    await all_ended(site.db)
    for _ in range(3):
        await enqueue(site.db, "toy.set", {"row_id": 1, "value": "x"})
    client = await site.client("read")
    (await client.get("/api/tasks?limit=0")).refusal(400)
    found = await scraped(client)
    assert value(found, "rowmill_up") == 1
    assert value(found, "rowmill_tasks_ready", task_type="toy.set") == 3
    assert value(found, "rowmill_oldest_ready_seconds", task_type="toy.set") >= 0
    assert value(found, "rowmill_workers", state="alive") == 1
    assert value(found, "rowmill_pool_size", pool="read") == site.served.shell.pool.count
    assert value(found, "rowmill_pool_in_use", pool="read") == 0
    assert value(found, "rowmill_http_requests_total", method="GET", route="/api/tasks", status="400") == 1
    assert value(found, "rowmill_http_refusals_total", code="invalid") == 1
    assert value(found, "rowmill_database_connections") >= 1
    assert value(found, "process_resident_memory_bytes") > 1_000_000


async def test_the_last_full_minute_has_outcomes_and_percentiles(site: Site) -> None:
    await site.db.execute(
        "insert into rowmill.task_stats (minute, task_type, worker_id, completed, failed, wait_ms_histogram, "
        "run_ms_histogram) values (date_trunc('minute', now()) - interval '1 minute', 'toy.set', 'w', 7, 2, "
        "array[0,0,9], array[0,9])"
    )
    found = await scraped(await site.client("read"))
    assert value(found, "rowmill_tasks_ended_1m", task_type="toy.set", outcome="completed") == 7
    assert value(found, "rowmill_tasks_ended_1m", task_type="toy.set", outcome="failed") == 2
    for what in ("wait", "run"):
        assert 0 <= value(found, f"rowmill_task_{what}_seconds_1m", task_type="toy.set", quantile="0.99") < 1


async def test_many_scrapes_ask_the_views_once_a_second(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "FRESH_S", 3600.0)
    client = await site.client("read")
    first = await scraped(client)
    await enqueue(site.db, "toy.set", {})
    again = await asyncio.gather(*(scraped(client) for _ in range(10)))
    ready = ("rowmill_tasks_ready", frozenset({("task_type", "toy.set")}))
    assert [ready in each for each in (first, *again)] == [False] * 11


async def test_a_database_that_is_gone_is_a_figure(site: Site) -> None:
    shell = site.served.shell
    await shell.pool.close()
    shell.pool._dsn = "postgresql://nobody@127.0.0.1:1/none"
    await shell.snapshot.refresh(shell.pool)
    told = [sample.value for family in shell.snapshot.collect() for sample in family.samples]
    assert told == [0.0]


async def test_ready_means_migrated(site: Site) -> None:
    client = await site.client("read")
    assert (await client.get("/readyz")).ok() == {"ready": True, "workers": 0}
    await site.db.execute("delete from rowmill.alembic_version where version_num like 'toy%'")
    assert "rowmill migrate" in (await client.get("/readyz")).refusal(503, "not_migrated")["message"]
    await site.db.execute("insert into rowmill.alembic_version values ('toy_9999')")
    (await client.get("/readyz")).ok()  # newer than this code: the next version is being rolled out
