"""Many files, kills at any moment, an S3 in place of the folder: nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from core.outside import blob_store
from core.settings import PROJECT
from tests.running import Database, Workers, all_ended, until
from tests.workers.reports.conftest import forget
from tests.workers.reports.shelf import Inbox, Shelf
from tests.workers.reports.test_ingestion import ANN

FILES = 600


@pytest.fixture
def bucket(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 on loopback."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    given = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    for name, value in (given | {"AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true"}).items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=address, region_name="us-east-1").create_bucket(Bucket="reports")
    monkeypatch.setenv("ROWMILL_BLOB_URL", "s3://reports/of/rowmill")
    forget()
    yield address
    server.stop()


async def test_blobs_may_lie_in_an_s3(bucket: str, inbox: Inbox, store: Path) -> None:
    counts = await inbox.take(("daily/ann.md", ANN), ("slack_dev_2026-W03.md", "**Ann** 09:30 mail ann@example.org"))
    assert (counts["files_stored"], counts["slack_captures_new"]) == (2, 1)
    listed = boto3.client("s3", endpoint_url=bucket, region_name="us-east-1").list_objects_v2(Bucket="reports")
    assert len(listed["Contents"]) == 3
    assert all(each["Key"].startswith("of/rowmill/sha256/") for each in listed["Contents"])
    path = await inbox.shelf.db.fetchval("select blob_path from slack_captures")
    assert b"[e-mail]" in await blob_store().get(path)
    assert not (store / "blobs").exists()


async def ingesting(database: Database, store: Path, folder: Path) -> asyncio.subprocess.Process:
    given = {
        "ROWMILL_DATABASE_URL": database.dsn,
        "ROWMILL_FILES_DIR": str(store),
        "ROWMILL_DOMAINS": "workers.reports",
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "core.cli", "reports", "ingest", str(folder), "--team", "rocks", "--no-wait", "--json"),
        env=os.environ | given,
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
    )


async def test_a_command_and_workers_that_are_killed_lose_and_double_nothing(
    database: Database, shelf: Shelf, store: Path, workers: Workers, tmp_path: Path
) -> None:
    """Epic trees, of which every ingestion keeps a row: a file taken twice would show."""
    folder = tmp_path / "jira"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"epic_{number}_2026-W{number % 50 + 1:02d}.md").write_text(f"- ROCK-{number}\n", encoding="utf-8")
    first = await ingesting(database, store, folder)
    await until(lambda: shelf.count("report_files"))
    first.kill()
    await first.communicate()
    received = await shelf.count("report_files")
    assert 0 < received < FILES
    again = await ingesting(database, store, folder)
    answer, _ = await again.communicate()
    told = json.loads(answer)
    assert (told["received"], told["known"]) == (FILES - received, received)
    reading = await workers.spawn(domains="workers.reports", files_dir=str(store))
    await until(lambda: shelf.count("jira_snapshots"))
    reading.process.kill()
    await workers.spawn(domains="workers.reports", files_dir=str(store))
    await all_ended(shelf.db, 90)
    assert await shelf.count("jira_snapshots") == FILES
    assert await shelf.count("report_ingestions", "ended_at is not null") == 1
    assert await shelf.count("report_data_links") == FILES


async def test_a_text_of_20_mb_is_stored_and_found_to_its_end(inbox: Inbox) -> None:
    words = " ".join(f"word{number}" for number in range(2000))
    text = "\n".join(f"Ann: {words}" for _ in range(1250)) + "\nBob: the giraffe must be fed\n"
    assert len(text) > 20_000_000
    counts = await inbox.take(("2026-01-15 all hands meeting.txt", text))
    assert counts["meeting_transcripts_new"] == 1
    shelf = inbox.shelf
    assert await shelf.db.fetchval("select length(content) from meeting_transcripts") == len(text.strip())
    found = "select first_character from report_passages where words @@ websearch_to_tsquery('english', 'giraffe')"
    assert await shelf.db.fetchval(found) > 19_900_000


@pytest.mark.full
@pytest.mark.timeout(1800)
async def test_a_year_of_fifty_people_is_ingested_with_flat_memory(bare_database: Database) -> None:
    """20,000 files by the demo, which kills the command and a worker and proves every text word for word."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", "reports", "--json"),
        env=os.environ | {"DATABASE_URL": bare_database.dsn, "DEMO_REPORT_FILES": "20000"},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await process.communicate()
    figures: dict[str, Any] = json.loads(answer)["reports"]
    shutil.rmtree(figures["folder"])
    assert figures["holds"], figures
    assert (figures["files"], figures["effects_lost"], figures["effects_doubled"]) == (20_000, 0, 0)
    print({name: value for name, value in figures.items() if name.endswith(("_s", "_mb", "_third"))})
    for who in ("worker", "reader"):
        early, late = (figures[f"{who}_peak_mb_{third}_third"] for third in ("first", "last"))
        assert 0 < late < min(300, early + 50), (who, early, late)
    assert figures["command_mb"] < 300
