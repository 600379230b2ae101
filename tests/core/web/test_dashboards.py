"""What is shipped for Prometheus and Grafana can be loaded, and asks for metrics that are served."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from core.db.connect import Connection
from core.settings import PROJECT
from tests.running import Workers, all_ended, enqueue
from tests.serving import Site

SHIPPED = PROJECT / "docs" / "monitoring"
RULES = yaml.safe_load((SHIPPED / "alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((SHIPPED / "grafana.json").read_text(encoding="utf-8"))
METRIC = re.compile(r"\browmill_[a-z0-9_]+\b")
ALWAYS: dict[str, str] = {"$task_type": ".*", "${source}": "prometheus"}


def alerts() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def asked() -> Iterator[str]:
    """Every expression that is shipped."""
    yield from (rule["expr"] for rule in alerts())
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("expression", sorted(set(asked())))
def test_every_expression_can_be_read(expression: str) -> None:
    for variable, value in ALWAYS.items():
        expression = expression.replace(variable, value)
    assert str(promql_parser.parse(expression)) != ""


async def test_every_metric_that_is_asked_for_is_served(site: Site, db: Connection, workers: Workers) -> None:
    running = await workers.start("toy.note")
    await enqueue(db, "toy.note", {"note": "done"})
    await all_ended(db)
    await running.stop()  # with its last counts written
    await db.execute("update rowmill.task_stats set minute = date_trunc('minute', now()) - interval '1 minute'")
    await enqueue(db, "toy.act", {})
    await db.execute("update task_queue set scheduled_for = now() - interval '1 hour' where status = 'pending'")
    client = await site.client("read")
    await client.get("/api/tasks")
    text = (await client.get("/metrics")).body.decode()
    served = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    wanted = {name for expression in asked() for name in METRIC.findall(expression)}
    assert len(wanted) > 15
    assert wanted - served == set()


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in alerts()}) == len(alerts())
    for rule in alerts():
        assert rule["annotations"].keys() == {"summary", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_panels_are_described_and_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        assert panel["title"], panel["description"]
        place = panel["gridPos"]
        fields = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not fields & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= fields
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is missing: apt-get install prometheus")
def test_prometheus_own_tool_accepts_the_rules() -> None:
    ran = subprocess.run(
        ["promtool", "check", "rules", str(SHIPPED / "alerts.yml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
