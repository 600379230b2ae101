"""Runs a function aside, in a child process with limits: what takes too long, too much memory or its process's life
takes none of the worker's; where the system allows it, no network is there either.

For native code over what strangers wrote (formulas, web pages). It may hold the interpreter's lock for seconds, and a
thread would not help: the heartbeat would stop with it. The children are kept and used again; they hold no secret,
because they get none of the environment but the paths.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from core.errors import RowmillError

CHILD: Final = Path(__file__).with_name("aside_child.py")
KEPT_VARIABLES: Final = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")
HEAD: Final = 4
CALLS_OF_A_CHILD: Final = 1000  # then a new one takes its place: native code may leak


class AsideFailed(RowmillError):
    """The call gave no result; the message says why: too slow, too large, its process died, or its own words."""


@dataclass(slots=True, eq=False)
class _Child:
    process: subprocess.Popen[bytes]
    calls: int = 0

    def ask(self, argument: bytes) -> bytes:
        """Blocks in this thread until the answer is there; b"" when the child has died."""
        source, target = self.process.stdout, self.process.stdin
        assert source is not None  # noqa: S101 - both are pipes
        assert target is not None  # noqa: S101
        try:
            target.write(len(argument).to_bytes(HEAD, "big") + argument)
            target.flush()
            return _message(source)
        except OSError:
            return b""

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                continue  # what could not be written any more


def _message(source: IO[bytes]) -> bytes:
    head = source.read(HEAD)
    size = int.from_bytes(head, "big")
    body = source.read(size)
    return body if len(head) == HEAD and len(body) == size else b""


@dataclass(eq=False)
class Aside:
    """One function, `module:name`, from bytes to bytes, in up to `children` processes at once.

    Owns its children until the interpreter ends; they end with their stdin. Usable from any loop.
    """

    function: str
    limit_s: float = 10.0
    memory_bytes: int = 1 << 30
    children: int = 2
    _idle: list[_Child] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _permits: threading.BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self._permits = threading.BoundedSemaphore(self.children)
        atexit.register(self.close)

    async def call(self, argument: bytes) -> bytes:
        """The function's result. Raises AsideFailed with a sentence; a cancelled call ends its child."""
        while not self._permits.acquire(blocking=False):  # noqa: ASYNC110 - its holders may live in other loops
            await asyncio.sleep(0.01)
        try:
            return await self._on(self._taken(), argument)
        finally:
            self._permits.release()

    async def _on(self, child: _Child, argument: bytes) -> bytes:
        asked = asyncio.ensure_future(asyncio.to_thread(child.ask, argument))
        try:
            async with asyncio.timeout(self.limit_s):
                answer = await asyncio.shield(asked)
        except TimeoutError:
            raise AsideFailed(f"it took longer than {self.limit_s:g} s") from None
        finally:
            if not asked.done():
                child.end()  # its pipe closes, so the thread ends as well
                await asyncio.wait([asked], timeout=1)
        if not answer:
            child.end()
            raise AsideFailed(f"its process died ({_cause(child.process.returncode)})")
        self._give_back(child)
        if answer[:1] == b"-":
            raise AsideFailed(answer[1:].decode("utf-8", "replace"))
        return answer[1:]

    def _taken(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.process.poll() is None:
                    return child
                child.end()
        return _Child(self._started())

    def _started(self) -> subprocess.Popen[bytes]:
        limits = [str(self.memory_bytes), str(self.limit_s)]
        return subprocess.Popen(
            [sys.executable, "-P", str(CHILD), self.function, *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
            start_new_session=True,  # a Ctrl-C at the terminal is the worker's to answer
        )

    def _give_back(self, child: _Child) -> None:
        child.calls += 1
        if child.calls >= CALLS_OF_A_CHILD:
            child.end()
            return
        with self._lock:
            self._idle.append(child)

    def close(self) -> None:
        """Ends the idle children."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()


def _cause(returncode: int | None) -> str:
    return f"signal {-returncode}" if returncode and returncode < 0 else f"exit code {returncode}"
