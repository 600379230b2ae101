"""The description tells every route, and every route does what it tells."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from schemathesis import openapi

from core.db.workspace import DEFAULT_WORKSPACE
from core.outside import blob_store
from core.web.routes import routes
from tests.running import Workers, enqueue
from tests.serving import Site

EXAMPLES = 10
LIMIT_S = 170
# Beside those it knows: a payload that the type's own schema refuses, and one that is too large.
CONFIG = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "413", "422", "429"]
negative_data_rejection.expected-statuses = ["4xx"]
"""


async def test_every_route_is_described(site: Site) -> None:
    described = (await (await site.client("read")).get("/openapi.json")).ok()
    assert described["openapi"].startswith("3.1")
    known = {(each.path, each.method.lower()) for each in routes(site.served.shell.packages) if each.kind != "socket"}
    told = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert told == known
    for path, method in told:
        operation = described["paths"][path][method]
        assert operation["summary"].endswith("."), path
        assert {"400", "401", "403", "429", "500", "503"} <= set(operation["responses"])
        headers = [each["name"] for each in operation["parameters"] if each["in"] == "header"]
        assert headers == (["Idempotency-Key"] if method == "post" else [])
    assert len(list(openapi.from_dict(described).get_all_operations())) == len(told)


@pytest.mark.timeout(240)
async def test_schemathesis_finds_no_fault(
    site: Site, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of requests, good and bad, made from the description: no 5xx, answers as described."""
    monkeypatch.setenv("ROWMILL_BLOB_URL", str(tmp_path / "blobs"))
    blob_store.cache_clear()
    await workers.start()
    for value in ("a", "b"):
        await enqueue(site.db, "toy.note", {"note": value}, workspace_id=DEFAULT_WORKSPACE)
    admin = await site.client("admin")
    described = (await admin.get("/openapi.json")).ok()
    for path in [path for path in described["paths"] if path.startswith("/api/toy/")]:
        del described["paths"][path]  # some of them fail or wait on purpose
    schema = tmp_path / "openapi.json"
    schema.write_text(json.dumps(described), encoding="utf-8")
    (tmp_path / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    command = (
        *("run", str(schema), "--url", site.served.url, "-H", f"Authorization: {admin.headers['Authorization']}"),
        *("--checks", "all", "--phases", "coverage,fuzzing", "-n", str(EXAMPLES), "--seed", "1"),
        # PostgreSQL's text holds no NUL and no half of a pair, and JSON Schema cannot say so: test_errors.py sends them
        *("--generation-allow-x00", "false", "--generation-codec", "utf-8", "--continue-on-failure"),
    )
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "schemathesis"),
        *command,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, said.decode()[:40_000]
