"""The embedded server, for real: shared, killed, moved aside, refused."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from core.db import postmaster
from core.db.embedded import EmbeddedServer
from core.errors import ServerUnavailable

USER = """
import sys
from pathlib import Path
from core.db.embedded import EmbeddedServer

with EmbeddedServer(Path(sys.argv[1]), durable=False, explicit=True) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a directory that also `nobody` can reach, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="rowmill test "))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def server_at(directory: Path) -> EmbeddedServer:
    return EmbeddedServer(directory, durable=False, explicit=True)


async def fetch(server: EmbeddedServer, sql: str) -> object:
    connection = await asyncpg.connect(server.dsn())
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def another_user(directory: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", USER, str(directory)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def server_pid_of(user: subprocess.Popen[str]) -> int:
    assert user.stdout is not None
    return int(user.stdout.readline())


def test_processes_that_start_at_once_share_one_server_and_the_last_one_stops_it(place: Path) -> None:
    users = [another_user(place / "data") for _ in range(8)]
    pids = {server_pid_of(user) for user in users}
    assert len(pids) == 1
    server = server_at(place / "data")
    for user in users[:-1]:
        user.communicate()
    assert {server.pid} == pids
    users[-1].communicate()
    assert server.pid is None
    assert [user.returncode for user in users] == [0] * 8


async def test_a_killed_server_comes_back_with_every_committed_row(place: Path) -> None:
    with EmbeddedServer(place, explicit=True) as first:
        await fetch(first, "create table kept as select generate_series(1, 1000) as row")
        killed = first.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        with EmbeddedServer(place, explicit=True) as second:
            assert await fetch(second, "select count(*) from kept") == 1000
            assert second.pid != killed


async def test_a_server_killed_under_a_busy_session_waits_for_that_session_to_go(place: Path) -> None:
    with server_at(place) as first:
        busy = await asyncpg.connect(first.dsn())
        count = "select count(*) from generate_series(1, 3000000) n where n::text > ''"
        query = asyncio.create_task(busy.fetchval(count))
        active = f"select state = 'active' from pg_stat_activity where pid = {busy.get_server_pid()}"
        while not await fetch(first, active):
            pass
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        with server_at(place) as second:
            assert await fetch(second, "select 1") == 1
        await asyncio.gather(query, return_exceptions=True)
        busy.terminate()


def test_a_user_that_was_killed_does_not_keep_the_server_alive(place: Path) -> None:
    user = another_user(place)
    server_pid_of(user)
    user.kill()
    user.communicate()
    with server_at(place) as server:
        assert server.pid is not None
    assert server.pid is None


def test_a_lock_file_whose_process_is_another_program_does_not_block_the_start(place: Path) -> None:
    with server_at(place) as server:
        pass
    server.data_path.joinpath("postmaster.pid").write_text(f"{os.getpid()}\n{server.data_path}\n")
    assert server.pid is None
    with server:
        assert server.pid not in {None, os.getpid()}


def test_a_zombie_is_not_a_running_server(tmp_path: Path) -> None:
    zombie = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    assert postmaster.runs_on(tmp_path, zombie.pid)
    zombie.kill()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert not postmaster.runs_on(tmp_path, zombie.pid)
    assert not postmaster.runs(zombie.pid)
    zombie.wait()


async def test_odd_and_long_paths_work(place: Path) -> None:
    for name in ('it\'s $HOME, "so" 100%', "long-" * 24):
        with server_at(place / name) as server:
            assert await fetch(server, "select 1") == 1
            assert server.data_path.is_relative_to(place)


async def test_the_server_listens_on_no_network_and_keeps_time_in_utc(place: Path) -> None:
    with EmbeddedServer(place, durable=False, explicit=True, settings={"work_mem": "5MB"}) as server:
        settings = ("listen_addresses", "timezone", "fsync", "work_mem", "unix_socket_permissions")
        shown = [await fetch(server, f"show {name}") for name in settings]
    assert shown[:4] == ["", "UTC", "off", "5MB"]
    assert (place / "run").stat().st_mode & 0o077 == 0


def test_data_of_another_major_version_is_refused_with_both_versions_and_the_way_out(place: Path) -> None:
    server = server_at(place)
    (place / "data9").mkdir()
    (place / "data11").mkdir()
    with pytest.raises(ServerUnavailable) as refusal:
        server.start()
    for part in ("PostgreSQL 11", f"PostgreSQL {server.major}", "pg_dumpall", "psql", "data11"):
        assert part in str(refusal.value)
    assert not server.data_path.exists()


def test_data_of_another_major_version_beside_our_own_is_left_alone(place: Path) -> None:
    (place / "data11").mkdir()
    server = server_at(place)
    server.data_path.mkdir()
    with pytest.raises(ServerUnavailable, match="does not start"):  # empty, so not a database; but it was tried
        server.start()


def test_a_data_directory_the_servers_account_cannot_reach_is_refused(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir()
    closed.chmod(0o700 if os.geteuid() == 0 else 0)
    with pytest.raises(ServerUnavailable, match=r"cannot be reached by .*--data-dir"):
        server_at(closed / "data").start()
    closed.chmod(0o700)


def test_programs_that_are_not_there_are_named(place: Path) -> None:
    with pytest.raises(ServerUnavailable, match=r"holds no PostgreSQL programs.*DATABASE_URL"):
        EmbeddedServer(place / "data", binaries=place, explicit=True).start()
    assert list(place.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's data lies elsewhere")
def test_roots_data_lies_where_nobody_can_reach_it(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, durable=False)
    try:
        with server:
            assert server.data_path.parent.parent == Path("/var/tmp")
            assert server.data_path.stat().st_uid != 0
    finally:
        shutil.rmtree(server.data_path.parent)
