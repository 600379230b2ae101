"""`rowmill up`: everything in one terminal, and in order when it stops."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from core.cli.up.lines import Stream
from core.db.connect import Connection
from tests.processes.programs import Program, Programs, appears, workers_up
from tests.running import Database, all_ended, enqueue, until


def lines_of(program: Program) -> list[dict[str, object]]:
    return [json.loads(line) for line in program.said().splitlines() if line.startswith("{")]


async def says(program: Program, words: str) -> None:
    async def look() -> bool:
        assert program.process.returncode is None or words in program.said(), program.said()
        return words in program.said()

    await until(look, what=f"{words!r} from rowmill up")


async def test_it_works_until_sigterm_and_gives_nothing_up(
    database: Database, db: Connection, programs: Programs
) -> None:
    up = await programs.rowmill("up", "--no-web", "--processes", "2", "--json", database=database)
    await workers_up(db, 2)
    for number in range(40):
        await enqueue(db, "toy.note", {"note": f"{number}"})
    await all_ended(db)
    up.signal(signal.SIGTERM)
    assert await up.wait() == 0, up.said()
    assert await db.fetchval("select count(*) from rowmill.workers") == 0
    assert await db.fetchval("select count(*) from task_queue where status = 'completed' and attempts = 1") == 40
    said = lines_of(up)
    assert {each["from"] for each in said} == {"worker-1", "worker-2"}
    assert {"worker_started", "worker_stopped"} <= {each["event"] for each in said}


async def test_a_second_signal_says_what_is_waited_for(
    database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    up = await programs.rowmill("up", "--no-web", database=database)
    await workers_up(db, 1)
    door = tmp_path / "door"
    await enqueue(db, "toy.act", {"act": "at_file", "arg": str(door)})
    await appears(Path(f"{door}.1"))
    up.signal(signal.SIGINT)
    await says(up, "stopping: first the web, then the workers")
    up.signal(signal.SIGINT)
    await says(up, "waiting for 1 worker process; they run 1 of toy.act")
    Path(f"{door}.open").touch()
    assert await up.wait() == 0, up.said()
    assert await db.fetchval("select status from task_queue") == "completed"


async def test_a_killed_worker_is_replaced_and_its_task_done_once(
    database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    await programs.rowmill("up", "--no-web", database=database)
    ((worker_id, pid),) = (await workers_up(db, 1)).items()
    door = tmp_path / "door"
    await enqueue(db, "toy.act", {"act": "at_file", "arg": str(door)})
    await appears(Path(f"{door}.1"))
    os.kill(pid, signal.SIGKILL)
    await workers_up(db, 1, gone=[worker_id])
    Path(f"{door}.open").touch()
    await all_ended(db)
    assert await db.fetchval("select count(*) from toy_notes") == 1


async def test_children_end_with_a_parent_that_was_killed(
    database: Database, db: Connection, programs: Programs
) -> None:
    up = await programs.rowmill("up", "--no-web", database=database)
    await workers_up(db, 1)
    up.signal(signal.SIGKILL)
    await until(
        lambda: db.fetchval("select count(*) = 0 from rowmill.workers"), limit_s=90, what="the end of the orphan"
    )


async def test_a_teams_own_database_is_migrated_only_when_asked(bare_database: Database, programs: Programs) -> None:
    db = await bare_database.connect()
    up = await programs.rowmill("up", "--no-web", database=bare_database)
    assert await up.wait() == 1
    assert "run `rowmill migrate`, or start with `rowmill up --migrate`" in up.said()
    assert await db.fetchval("select to_regclass('task_queue')") is None
    asked = await programs.rowmill("up", "--no-web", "--migrate", database=bare_database)
    await says(asked, "applied engine_0001")
    await says(asked, "worker_started")
    asked.signal(signal.SIGTERM)
    assert await asked.wait() == 0


async def test_the_web_serves_and_stops_before_the_workers(
    database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    up = await programs.rowmill("up", "--port", "0", database=database)
    await says(up, "serving http://")
    await workers_up(db, 1)
    address = up.said().partition("serving ")[2].split(";")[0].split()[0]
    async with aiohttp.ClientSession() as client, client.get(f"{address}/healthz") as answer:
        assert answer.status == 200
    door = tmp_path / "door"
    await enqueue(db, "toy.act", {"act": "at_file", "arg": str(door)})
    await appears(Path(f"{door}.1"))
    up.signal(signal.SIGTERM)
    await says(up, "draining")  # the worker, which is told when the web has ended
    with pytest.raises(aiohttp.ClientConnectionError):
        async with aiohttp.ClientSession() as client, client.get(f"{address}/healthz"):
            pass
    Path(f"{door}.open").touch()
    assert await up.wait() == 0, up.said()


async def test_a_web_that_cannot_stand_ends_it_all_with_the_reason(
    database: Database, db: Connection, programs: Programs
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        up = await programs.rowmill("up", "--port", str(taken.getsockname()[1]), database=database)
        assert await up.wait() == 1
    assert "the web ended as soon as it was started" in up.said()
    assert "Traceback" not in up.said()
    assert await db.fetchval("select count(*) from rowmill.workers") == 0


def test_lines_are_readable_whoever_says_them(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Stream(as_json=False)
    stream.say("worker-1", '{"event":"run","level":"warning","timestamp":"2026-11-21T10:00:00Z","room":"pool","ms":4}')
    stream.say("web", "ready at \x1b[31mhttp://127.0.0.1")
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("worker-1  │ ")
    assert said[0].endswith(":00 warning run ms=4")
    assert said[1] == "web       │ ready at \ufffd[31mhttp://127.0.0.1"
