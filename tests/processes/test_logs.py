"""What a worker says: one line per run, JSON for machines, and never what stands in a payload."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import Any

from core.db.connect import Connection
from core.settings import PROJECT
from tests.running import Database, OwnProcess, Workers, all_ended, enqueue, until

CANARY = "canary-4f1d"
TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "done": ("toy.note", {"note": CANARY}),
    "set": ("toy.set", {"row_id": 1, "value": CANARY}),
    "refused by a constraint": ("toy.set", {"row_id": 2, "value": CANARY + "x" * 1000}),
    "refused payload": ("toy.set", {"row_id": CANARY, "value": "v"}),
    "missing field": ("toy.set", {"value": CANARY}),
    "raised": ("toy.act", {"act": "explode", "arg": CANARY}),
    "failed": ("toy.act", {"act": "fail", "arg": CANARY}),
    "cancelled": ("toy.act", {"act": "cancel", "arg": CANARY}),
    "unknown act": ("toy.act", {"act": CANARY}),
}


async def test_no_log_line_holds_what_stands_in_a_payload_and_each_run_has_one_line(
    database: Database, db: Connection, workers: Workers
) -> None:
    ids = {str(await enqueue(db, kind, payload, max_attempts=2)) for kind, payload in TASKS.values()}
    worker = await workers.spawn()
    await all_ended(db)
    runs = {(str(row["task_id"]), row["run_no"]) for row in await db.fetch("select * from robot_input_events")}
    assert {task_id for task_id, _ in runs} == ids

    async def told() -> bool:
        return len(_runs(worker)) >= len(runs)

    await until(told, what="a line for each run")
    lines = _runs(worker)
    assert sorted((line["task_id"], line["run_no"]) for line in lines) == sorted(runs)
    for line in lines:
        assert line["outcome"] in {"completed", "failed", "cancelled", "retried"}
        assert line["wait_ms"] >= 0
        assert line["run_ms"] >= 0
    said = worker.log.read_text()
    assert CANARY not in said
    assert all(line.startswith("{") for line in said.splitlines())
    stored = await db.fetch("select distinct error_fingerprint from robot_input_events where not success")
    logged = {line["error_fingerprint"] for line in lines if line["error_fingerprint"]}
    assert {row["error_fingerprint"] for row in stored} == logged


def _runs(worker: OwnProcess) -> list[dict[str, Any]]:
    return [line for line in worker.lines() if line["event"] == "run"]


def test_a_person_at_a_terminal_reads_lines_and_not_json() -> None:
    main, side = pty.openpty()
    code = "from core import log; log.configure(); log.get('here').info('worker_started', tasks=3)"
    subprocess.run([sys.executable, "-c", code], stderr=side, check=True, cwd=PROJECT)
    os.close(side)
    shown = os.read(main, 4096).decode()
    os.close(main)
    assert "worker_started" in shown
    assert "{" not in shown
