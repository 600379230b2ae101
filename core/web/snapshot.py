"""What the monitoring views say, at most a second old: many scrapers cost the database what one does. Turns rows into
metrics; owns their names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import Final, TypeAlias

import asyncpg
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from core.db import catalogs
from core.db.connect import TROUBLE
from core.web.pool import Pool

FRESH_S: Final = 1.0
VIEWS: Final = ("depth", "oldest", "throughput", "failures", "workers", "stuck", "database")
OUTCOMES: Final = ("completed", "failed", "retried", "cancelled", "returned")
QUANTILES: Final = {"0.5": "p50", "0.95": "p95", "0.99": "p99"}
STATES: Final = ("alive", "draining", "lost")
DATABASE: Final = {
    "database_bytes": "Size of the database.",
    "queue_live_rows": "Rows of task_queue, estimated.",
    "queue_dead_rows": "Dead rows of task_queue, estimated.",
    "vacuum_transactions_behind": "How far the oldest blocker holds vacuum back.",
    "connections": "Client connections to the server.",
    "max_connections": "Client connections the server takes.",
}
Rows: TypeAlias = "Sequence[asyncpg.Record]"


class Snapshot(Collector):
    """Refreshed before a scrape; a database that does not answer is `rowmill_up 0`, not an error."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._rows: dict[str, list[asyncpg.Record]] = {}
        self._at = float("-inf")
        self._up = False

    async def refresh(self, pool: Pool) -> None:
        """Asks the views, unless somebody has within the last second."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._at < FRESH_S:
                return
            try:
                async with pool.acquire() as connection:
                    self._rows = {name: await catalogs.web()[f"metrics.{name}"].fetch(connection) for name in VIEWS}
                self._up = True
            except TROUBLE:
                self._rows, self._up = {}, False
            self._at = asyncio.get_running_loop().time()

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        yield _gauge("rowmill_up", "Whether the database answered.", (), [((), float(self._up))])
        if self._up:
            yield from _queue(self._rows)
            yield from _throughput(self._rows["throughput"])
            yield from _health(self._rows)


def _gauge(
    name: str, words: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], float | None]]
) -> GaugeMetricFamily:
    made = GaugeMetricFamily(name, words, labels=labels)
    for values, number in samples:
        if number is not None:
            made.add_metric(values, float(number))
    return made


def _by_type(name: str, words: str, rows: Rows, column: str) -> GaugeMetricFamily:
    return _gauge(name, words, ("task_type",), [((row["task_type"],), row[column]) for row in rows])


def _queue(rows: Mapping[str, Rows]) -> Iterator[Metric]:
    depth = rows["depth"]
    yield _by_type("rowmill_tasks_ready", "Due tasks; counted up to 10,000 per type.", depth, "ready")
    yield _by_type("rowmill_tasks_scheduled", "Tasks due later; counted up to 10,000.", depth, "scheduled")
    yield _by_type("rowmill_tasks_processing", "Tasks that run.", depth, "processing")
    yield _by_type("rowmill_tasks_waiting", "Tasks that wait for a signal.", depth, "waiting")
    yield _by_type("rowmill_task_type_paused", "1 where the type is paused.", depth, "paused")
    yield _by_type("rowmill_oldest_ready_seconds", "Age of the task that is due longest.", rows["oldest"], "age_s")
    yield _by_type("rowmill_failed_runs_1d", "Unsuccessful runs of the last day.", rows["failures"], "runs")


def _throughput(rows: Rows) -> Iterator[Metric]:
    ended = [((row["task_type"], outcome), row[outcome]) for row in rows for outcome in OUTCOMES]
    yield _gauge("rowmill_tasks_ended_1m", "Runs of the last full minute, by outcome.", ("task_type", "outcome"), ended)
    for what in ("wait", "run"):
        seconds = [
            ((row["task_type"], quantile), _seconds(row[f"{what}_{short}_ms"]))
            for row in rows
            for quantile, short in QUANTILES.items()
        ]
        words = f"{what.title()}ing times of the last full minute." if what == "wait" else "Running times of the same."
        yield _gauge(f"rowmill_task_{what}_seconds_1m", words, ("task_type", "quantile"), seconds)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _health(rows: Mapping[str, Rows]) -> Iterator[Metric]:
    found = {row["state"]: row["workers"] for row in rows["workers"]}
    states = [((state,), found.get(state, 0)) for state in STATES]
    yield _gauge("rowmill_workers", "Worker processes by state.", ("state",), states)
    yield _by_type("rowmill_stuck_tasks", "Tasks that do not move.", rows["stuck"], "tasks")
    words = "Failed tasks that took their workers with them, also alone."
    yield _by_type("rowmill_quarantined_tasks", words, rows["stuck"], "quarantined")
    for name, words in DATABASE.items():
        prefix = "rowmill_" if name.startswith(("queue", "database")) else "rowmill_database_"
        yield _gauge(prefix + name, words, (), [((), row[name]) for row in rows["database"]])


class PoolCollector(Collector):
    """How the connections of this process are used (D3.10), and who is connected."""

    def __init__(self, pools: Mapping[str, Pool], sockets: Sized) -> None:
        self._pools, self._sockets = pools, sockets

    def collect(self) -> Iterable[Metric]:
        """Called by the registry."""
        yield _gauge("rowmill_websockets", "WebSocket clients.", (), [((), len(self._sockets))])
        pools = list(self._pools.items())
        labels = ("pool",)
        yield _gauge("rowmill_pool_size", "Connections it may open.", labels, [((n,), p.count) for n, p in pools])
        yield _gauge("rowmill_pool_in_use", "Connections in use.", labels, [((n,), p.in_use) for n, p in pools])
        yield _gauge(
            "rowmill_pool_waiting", "Requests that wait for one.", labels, [((n,), p.waiting) for n, p in pools]
        )
        yield _gauge(
            "rowmill_pool_exhausted",
            "Requests refused because none became free.",
            labels,
            [((n,), p.exhausted) for n, p in pools],
        )
