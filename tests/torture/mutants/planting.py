"""Plants a mutant in a copy of the sources and runs its witnesses there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from subprocess import PIPE
from typing import Final, Literal

from core.errors import RowmillError
from core.settings import PROJECT
from tests.scratch import forget, scratch_server
from tests.torture.mutants import Mutant

LIMIT_S: Final = 60.0
LANES: Final = 2
PARTS: Final = ("benchmarks", "core", "demo", "docs", "migrations", "sql", "tests", "workers")
FILES: Final = ("conftest.py", "pyproject.toml", "README.md", "run.py")
PYTEST: Final = ("-m", "pytest", "-n", "0", "--reruns", "0", "-x", "-q", "-p", "no:cacheprovider")

Verdict = Literal["killed", "SURVIVED", "BROKEN", "TOO SLOW"]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant. BROKEN: nothing ran, so nothing was noticed."""

    name: str
    why: str
    file: str
    verdict: Verdict
    seconds: float
    said: str


def fates(chosen: list[Mutant]) -> Iterator[Fate]:
    """Two at a time, each in a copy that is sound but for it; told in order. Raises RowmillError if the witnesses do
    not pass on the sources as they are: then they would prove nothing."""
    with ExitStack() as kept:
        copies = [kept.enter_context(copied()) for _ in range(LANES)]
        lanes = kept.enter_context(ThreadPoolExecutor(LANES))
        kept.callback(lanes.shutdown, cancel_futures=True)
        witnesses = sorted({name for each in chosen for name in each.witnesses})
        shares = [share for at in range(LANES) if (share := witnesses[at::LANES])]
        for code, said in lanes.map(lambda copy, share: witnessed(copy, share, 30 * LIMIT_S), copies, shares):
            if code != 0:
                raise RowmillError(f"the witnesses do not pass without a mutant, so they prove nothing: {said}")
        free: SimpleQueue[Path] = SimpleQueue()
        for copy in copies:
            free.put(copy)
        yield from lanes.map(lambda each: _fate_in_one_of(free, each), chosen)


def _fate_in_one_of(free: SimpleQueue[Path], mutant: Mutant) -> Fate:
    copy = free.get()
    try:
        return fate_of(mutant, copy)
    finally:
        free.put(copy)


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the sources to plant in, with a test server of its own that stays up between the runs."""
    home = Path(tempfile.mkdtemp(prefix="rowmill-mutants-"))
    server = scratch_server(home)
    try:
        for part in PARTS:
            shutil.copytree(PROJECT / part, home / part, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        for file in FILES:
            shutil.copy(PROJECT / file, home / file)
        server.start()
        yield home
    finally:
        server.stop()
        forget(server)
        shutil.rmtree(server.data_path.parent, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def fate_of(mutant: Mutant, copy: Path) -> Fate:
    """Plants it, runs its witnesses, takes it out again."""
    began = time.monotonic()
    place = copy / mutant.file
    sound = place.read_text(encoding="utf-8")
    try:
        place.write_text(mutant.planted(copy), encoding="utf-8")
        code, said = witnessed(copy, list(mutant.witnesses), LIMIT_S)
    except ValueError as error:
        code, said = 4, str(error)
    finally:
        place.write_text(sound, encoding="utf-8")
    return Fate(mutant.name, mutant.why, mutant.file, _verdict(code, said), round(time.monotonic() - began, 1), said)


def _verdict(code: int, said: str) -> Verdict:
    if code == 0:
        return "SURVIVED"
    if code == 1 and re.search(r"\d+ failed", said):
        return "killed"
    return "TOO SLOW" if code < 0 else "BROKEN"


def witnessed(copy: Path, tests: list[str], limit_s: float) -> tuple[int, str]:
    """Runs these tests in the copy. Exit code (negative: out of time) and pytest's last line."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)}
    environment.pop("PYTHONSAFEPATH", None)
    command = [sys.executable, *PYTEST, f"--timeout={LIMIT_S:g}", *tests]
    with subprocess.Popen(
        command, cwd=copy, env=environment, stdout=PIPE, stderr=PIPE, text=True, start_new_session=True
    ) as ran:
        try:
            out, err = ran.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            return -1, f"no end after {limit_s:g} s"
        finally:  # and whatever its tests have started: it would keep the server in use
            with suppress(ProcessLookupError):
                os.killpg(ran.pid, signal.SIGKILL)
    lines = [line for line in out.strip().splitlines() if line] or err.strip().splitlines()
    return ran.returncode, lines[-1] if lines else ""
