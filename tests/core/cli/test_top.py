"""`rowmill top` shows the queue on any terminal, to a login that may read the schema `monitoring` alone."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios

import pytest
from rich.console import Console

from core.cli.top.frame import Frame, look
from core.cli.top.screen import TYPES, drawn, fitting
from core.db.connect import Connection
from core.settings import PROJECT
from tests.core.cli.conftest import Rowmill
from tests.running import Database, Workers, all_ended, enqueue


async def test_a_look_has_depth_age_rates_and_workers(rowmill: Rowmill, db: Connection, workers: Workers) -> None:
    running = await workers.start("toy.note")
    for _ in range(5):
        await enqueue(db, "toy.note", {"note": "x"})
    await all_ended(db)
    await running.stop()
    await enqueue(db, "toy.set", {})
    await db.execute(
        "insert into rowmill.waits (task_id, task_type, signal, workspace_id) "
        "select gen_random_uuid(), 'toy.set', 'k', gen_random_uuid() from generate_series(1, 2)"
    )
    said = (await rowmill("top", "--once", "--json")).json()
    by_type = {each["task_type"]: each for each in said["types"]}
    assert by_type["toy.note"]["ended_per_min"] > 0
    assert by_type["toy.note"]["run_p99_ms"] >= by_type["toy.note"]["run_p50_ms"] > 0
    assert (by_type["toy.set"]["ready"], by_type["toy.set"]["oldest_s"] > 0) == (1, True)
    assert (by_type["toy.set"]["waiting"], by_type["toy.note"]["waiting"], said["waiting"]) == (2, 0, 2)
    shown = (await rowmill("top", "--once")).words()
    assert "toy.set no worker 1" in shown


async def test_the_rights_of_a_monitor_are_enough(
    rowmill: Rowmill, db: Connection, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"watcher_{database.name[-12:]}"
    await db.execute(f"create role {role} login")
    try:
        await db.execute(f"grant rowmill_monitor to {role}")
        monkeypatch.setenv("ROWMILL_DATABASE_URL", database.dsn.replace("postgres@", f"{role}@", 1))
        assert (await rowmill("top", "--once", "--json")).json()["types"] is not None
    finally:
        await db.execute(f"drop owned by {role}")
        await db.execute(f"drop role {role}")


def printed(frame: Frame, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(drawn(frame, width, height))
    console.file.close()
    return console.export_text().splitlines()


@pytest.mark.parametrize(("width", "height"), [(40, 10), (60, 12), (80, 24), (200, 50)])
async def test_the_picture_is_no_larger_than_the_terminal(db: Connection, width: int, height: int) -> None:
    for number in range(30):
        await enqueue(db, f"some.rather_long_name_of_a_task_{number}", {})
    await db.execute(
        "insert into rowmill.workers (worker_id, host, pid, lease_until, task_types)"
        " select 'worker' || n, 'host', n, now() + interval '1 hour', '{}' from generate_series(1, 9) n"
    )
    lines = printed(await look(db), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert any("ready" in line for line in lines)


def test_a_narrow_terminal_keeps_what_matters_most() -> None:
    assert [each.title for each in fitting(TYPES, 60)][:2] == ["ready", "running"]
    assert fitting(TYPES, 500) == list(TYPES)


@pytest.mark.parametrize("key", [b"q", b"\x03"])
async def test_live_it_repaints_in_place_and_ends_with_q_or_ctrl_c(
    database: Database, db: Connection, key: bytes
) -> None:
    await enqueue(db, "toy.first", {})
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    before = termios.tcgetattr(child)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "core.cli", "top"),
        stdin=child,
        stdout=child,
        stderr=child,
        cwd=PROJECT,
        env={**os.environ, "ROWMILL_DATABASE_URL": database.dsn, "TERM": "xterm", "LANG": "C.UTF-8"},
        preexec_fn=_take_terminal,
    )
    seen = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(parent, lambda: seen.extend(os.read(parent, 65536)))
    try:
        async with asyncio.timeout(40):
            await _appears(seen, b"toy.first")
            await enqueue(db, "toy.second", {})
            await _appears(seen, b"toy.second")
            os.write(parent, key)
            assert await process.wait() == 0
        await _appears(seen, b"\x1b[?1049l")
    finally:
        loop.remove_reader(parent)
        if process.returncode is None:
            process.kill()
    assert bytes(seen).count(b"\x1b[?1049h") == 1  # one screen of its own
    assert b"\x1b[2J" not in bytes(seen).partition(b"toy.first")[2]  # never wiped: no flicker
    assert termios.tcgetattr(child)[3] == before[3]  # echo is on again
    os.close(parent)
    os.close(child)


def _take_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


async def _appears(seen: bytearray, words: bytes) -> None:
    while words not in seen:  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.02)
