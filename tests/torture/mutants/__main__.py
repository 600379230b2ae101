"""`python3 run.py torture-mutants`: plants each bug in a copy of the sources and runs its witnesses there. Exit code 1
when one survives, or cannot be planted any more."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from core.cli import run
from core.db.embedded import EmbeddedServer
from core.errors import RowmillError
from core.settings import PROJECT
from tests.torture.mutants import Mutant, mutants

LIMIT_S: Final = 60.0
PARTS: Final = ("benchmarks", "core", "demo", "docs", "migrations", "sql", "tests", "workers")
FILES: Final = ("conftest.py", "pyproject.toml", "README.md", "run.py")
PYTEST: Final = ("-m", "pytest", "-n", "0", "--reruns", "0", "-x", "-q", "-p", "no:cacheprovider")
FILE_WIDTH: Final = 140

Verdict = Literal["killed", "SURVIVED", "BROKEN", "TOO SLOW"]
app = cyclopts.App(name="mutants", help=__doc__)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant. BROKEN: nothing ran, so nothing was noticed."""

    name: str
    why: str
    verdict: Verdict
    seconds: float
    said: str


@app.default
def main(
    *names: Annotated[str, Parameter(help="Only those with this in their names.")],
    as_machine: Annotated[bool, Parameter(name="--json", help="Print the fates as JSON on stdout.")] = False,
    list_: Annotated[bool, Parameter(name="--list", help="List the mutants.")] = False,
) -> None:
    """Plant, run, tell."""
    chosen = [each for each in mutants() if not names or any(name in each.name for name in names)]
    if not chosen:
        raise RowmillError(f"no mutant has {' or '.join(names)} in its name; --list names them")
    if list_:
        for each in chosen:
            print(f"{each.name:<60} {each.why:<10} {each.file}")
        return
    console = Console(stderr=as_machine)
    if not console.is_terminal:
        console = Console(stderr=as_machine, width=FILE_WIDTH)
    with copied() as copy:
        sound = witnessed(copy, sorted({name for each in chosen for name in each.witnesses}), 30 * LIMIT_S)
        if sound[0] != 0:
            raise RowmillError(f"the witnesses do not pass without a mutant, so they prove nothing: {sound[1]}")
        console.print(f"{len(chosen)} mutants; their witnesses pass on the sources as they are")
        fates = [_tell(console, fate_of(each, copy)) for each in chosen]
    _table(console, fates)
    if as_machine:
        print(json.dumps([asdict(each) for each in fates]))
    if any(each.verdict != "killed" for each in fates):
        sys.exit(1)


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the sources to plant in, with a test server of its own that stays up between the runs."""
    home = Path(tempfile.mkdtemp(prefix="rowmill-mutants-"))
    server = EmbeddedServer(home / ".rowmill" / "test-pg", durable=False, settings=TEST_SERVER)
    try:
        for part in PARTS:
            shutil.copytree(PROJECT / part, home / part, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        for file in FILES:
            shutil.copy(PROJECT / file, home / file)
        server.start()
        yield home
    finally:
        server.stop()
        server.destroy()
        shutil.rmtree(home, ignore_errors=True)


TEST_SERVER: Final = {"max_connections": "300", "autovacuum_naptime": "5s", "max_prepared_transactions": "10"}


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
    return Fate(mutant.name, mutant.why, _verdict(code, said), round(time.monotonic() - began, 1), said)


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
    try:
        ran = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end after {limit_s:g} s"
    lines = [line for line in ran.stdout.strip().splitlines() if line] or ran.stderr.strip().splitlines()
    return ran.returncode, lines[-1] if lines else ""


def _tell(console: Console, fate: Fate) -> Fate:
    colour = "green" if fate.verdict == "killed" else "red"
    console.print(f"[{colour}]{fate.verdict:<8}[/{colour}] {fate.name} ({fate.seconds:.0f} s)", highlight=False)
    return fate


def _table(console: Console, fates: list[Fate]) -> None:
    killed = sum(each.verdict == "killed" for each in fates)
    table = Table(title=f"{killed} of {len(fates)} mutants killed")
    for heading in ("mutant", "for", "verdict", "s", "pytest said"):
        table.add_column(heading)
    for each in fates:
        table.add_row(each.name, each.why, each.verdict, f"{each.seconds:.0f}", each.said)
    console.print(table)


if __name__ == "__main__":
    run(app, "mutants")
