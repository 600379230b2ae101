"""What runs aside cannot take the worker along: not by time, memory, a crash, or what it prints."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from core.outside.aside import Aside, AsideFailed
from core.settings import PROJECT

ME = "tests.core.outside.test_aside"


def echo(argument: bytes) -> bytes:
    print("what a library prints")
    return argument[::-1]


def process(_: bytes) -> bytes:
    return str(os.getpid()).encode()


def environment(_: bytes) -> bytes:
    return ",".join(sorted(os.environ)).encode()


def connect(argument: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", int(argument)), timeout=5):
        return b"connected"


def endless(_: bytes) -> bytes:
    while True:
        pass


def greedy(_: bytes) -> bytes:
    return bytes(4 << 30)


def crash(_: bytes) -> bytes:
    ctypes.string_at(0)
    return b""


def refuse(argument: bytes) -> bytes:
    raise ValueError(argument.decode())


@pytest.fixture
def aside(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Aside]]:
    made: list[Aside] = []
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody:secret@host/db")

    class Closed(Aside):
        def __post_init__(self) -> None:
            super().__post_init__()
            made.append(self)

    yield Closed
    for each in made:
        each.close()


async def test_a_call_is_answered_whatever_its_size(aside: type[Aside]) -> None:
    calls = aside(f"{ME}:echo")
    for argument in (b"", b"abc", bytes(range(256)) * 20_000):
        assert await calls.call(argument) == argument[::-1]


async def test_one_child_answers_call_after_call_and_not_for_ever(
    aside: type[Aside], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.outside.aside.CALLS_OF_A_CHILD", 3)
    calls = aside(f"{ME}:process", children=1)
    pids = [await calls.call(b"") for _ in range(4)]
    assert pids[0] == pids[1] == pids[2] != pids[3]


async def test_the_child_knows_no_secrets(aside: type[Aside]) -> None:
    known = (await aside(f"{ME}:environment").call(b"")).decode()
    assert "PATH" in known
    assert "DATABASE_URL" not in known


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("endless", r"longer than 1 s"),
        ("greedy", "too much memory"),
        ("crash", "its process died .signal 11."),
        ("refuse", "ValueError: no"),
        ("missing", "its process died"),
    ],
)
async def test_what_goes_wrong_aside_is_a_sentence_and_the_next_call_works(
    aside: type[Aside], function: str, words: str
) -> None:
    calls = aside(f"{ME}:{function}", limit_s=1 if function == "endless" else 10)
    for _ in range(2):
        with pytest.raises(AsideFailed, match=words):
            await calls.call(b"no")


async def test_the_loop_goes_on_beside_a_long_call(aside: type[Aside]) -> None:
    calls = aside(f"{ME}:endless", limit_s=1)
    asked = asyncio.ensure_future(calls.call(b""))
    slowest = 0.0
    while not asked.done():
        before = time.monotonic()
        await asyncio.sleep(0.001)
        slowest = max(slowest, time.monotonic() - before)
    assert isinstance(asked.exception(), AsideFailed)
    assert slowest < 0.9


async def test_a_cancelled_call_ends_its_child(aside: type[Aside]) -> None:
    calls = aside(f"{ME}:endless", limit_s=60, children=1)
    asked = asyncio.ensure_future(calls.call(b""))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    another = aside(f"{ME}:echo")
    assert await another.call(b"ab") == b"ba"
    assert calls._idle == []


async def test_no_more_children_than_allowed_run_at_once(aside: type[Aside]) -> None:
    calls = aside(f"{ME}:process", children=2)
    pids = await asyncio.gather(*(calls.call(b"") for _ in range(12)))
    assert 1 <= len(set(pids)) <= 2


async def test_it_reaches_no_network(aside: type[Aside]) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1]).encode()
    allowed = subprocess.run(["unshare", "--user", "--net", "true"], check=False, capture_output=True).returncode == 0  # noqa: ASYNC221
    try:
        if allowed:
            with pytest.raises(AsideFailed, match="Network is unreachable"):
                await aside(f"{ME}:connect").call(port)
        else:  # a container that forbids namespaces: it works, without this wall
            assert await aside(f"{ME}:connect").call(port) == b"connected"
    finally:
        server.close()
        await server.wait_closed()
