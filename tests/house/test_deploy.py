"""The samples of docs/deploy: systemd, Kubernetes and KEDA accept them; whoever stops a process waits for its drain."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from core.db.connect import Connection
from core.queue.runtime import LAST_COMMITS_S
from core.settings import PROJECT, Settings
from tests.running import enqueue

SAMPLES = PROJECT / "docs" / "deploy"
UNITS = ("rowmill-worker@.service", "rowmill-web.service")
KUBERNETES = "1.33"
WORKER_S = Settings().drain_s + LAST_COMMITS_S
WEB_S = Settings().web_drain_s


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((SAMPLES / name).read_text(encoding="utf-8")))


def of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    return [each for each in documents(name) if each["kind"] == kind]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here; install systemd")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_units(name: str, tmp_path: Path) -> None:
    """The program of the sample is not installed here: another stands in for it."""
    text = (SAMPLES / name).read_text(encoding="utf-8").replace("/opt/rowmill/.venv/bin/rowmill", "/bin/true")
    unit = tmp_path / name.replace("@.", "@1.")
    unit.write_text(text.replace("User=rowmill", "User=root"), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_systemd_waits_longer_than_a_drain_takes() -> None:
    worker, web = (re.findall(r"\nTimeoutStopSec=(\d+)\n", (SAMPLES / name).read_text()) for name in UNITS)
    assert [float(seconds) > WORKER_S for seconds in worker] == [True]
    assert [float(seconds) > WEB_S for seconds in web] == [True]


def test_kubernetes_accepts_the_manifests() -> None:
    kinds = []
    for each in [*documents("kubernetes.yaml"), *of_kind("keda.yaml", "Secret")]:
        kubernetes_validate.validate(each, KUBERNETES, strict=True)
        kinds.append(each["kind"])
    assert kinds == ["Secret", "PersistentVolumeClaim", "Job", "Deployment", "Deployment", "Service", "Secret"]


def test_kubernetes_waits_longer_than_a_drain_takes_and_asks_the_right_paths() -> None:
    worker, web = (each["spec"]["template"]["spec"] for each in of_kind("kubernetes.yaml", "Deployment"))
    assert worker["terminationGracePeriodSeconds"] > WORKER_S
    assert web["terminationGracePeriodSeconds"] > WEB_S
    (container,) = worker["containers"]
    port = container["args"][container["args"].index("--health-port") + 1]
    assert f"http://127.0.0.1:{port}/healthz" in container["livenessProbe"]["exec"]["command"][-1]
    (container,) = web["containers"]
    probes = [container[name]["httpGet"] for name in ("readinessProbe", "livenessProbe")]
    assert probes == [{"path": "/healthz", "port": "http"}] * 2  # the one path that needs neither token nor Host


def test_kubernetes_gives_workers_and_web_the_same_files_and_room_for_their_ceilings() -> None:
    worker, web = (each["spec"]["template"]["spec"] for each in of_kind("kubernetes.yaml", "Deployment"))
    assert worker["volumes"] == web["volumes"]
    values = [{each["name"]: each["value"] for each in spec["containers"][0]["env"]} for spec in (worker, web)]
    assert values[0]["ROWMILL_FILES_DIR"] == values[1]["ROWMILL_FILES_DIR"]
    ceilings = int(values[0]["ROWMILL_MEMORY_MB"]) + int(values[0]["ROWMILL_CHILD_MEMORY_MB"])
    assert int(worker["containers"][0]["resources"]["limits"]["memory"].removesuffix("Mi")) > ceilings


def test_systemd_gives_workers_and_web_the_same_files_and_room_for_their_ceilings() -> None:
    worker, web = ((SAMPLES / name).read_text(encoding="utf-8") for name in UNITS)
    folders = [re.findall(r"\nEnvironment=(ROWMILL_\w+_DIR=\S+)", text) for text in (worker, web)]
    assert folders[0] == folders[1] != []
    (limit,) = re.findall(r"\nMemoryMax=(\d+)M\n", worker)
    assert int(limit) > Settings().memory_mb + Settings().child_memory_mb


async def test_kedas_query_answers_with_one_number_as_a_monitor(db: Connection) -> None:
    (scaled,) = of_kind("keda.yaml", "ScaledObject")
    deployments = {each["metadata"]["name"] for each in of_kind("kubernetes.yaml", "Deployment")}
    assert scaled["spec"]["scaleTargetRef"]["name"] in deployments
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "postgresql"
    assert trigger["metadata"]["targetQueryValue"] == "1"
    query = trigger["metadata"]["query"]
    await db.execute("set role rowmill_monitor")
    assert await db.fetchval(query) == 0
    await db.execute("reset role")
    await enqueue(db, "toy.note", {"note": "waits"})
    await db.execute("set role rowmill_monitor")
    answer = await db.fetch(query)
    assert [tuple(row) for row in answer] == [(1.0,)]


def test_the_image_starts_rowmill_itself_from_what_the_project_has() -> None:
    lines = (SAMPLES / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert 'ENTRYPOINT ["rowmill"]' in lines
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert [name for name in copied if not (PROJECT / name).exists()] == []
    assert {"core", "workers", "sql", "migrations", "requirements.lock"} <= set(copied)
