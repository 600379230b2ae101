"""The rooms hold: the contracts of pyproject.toml are kept, and each of them notices a planted breach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import PROJECT

BREACHES = {
    "core knows a domain": ("core/queue/gate.py", "import workers.spreadsheets.model"),
    "a lower room uses a higher one": ("core/effects.py", "import core.registry"),
    "a claim uses the pool": ("core/queue/claim.py", "import core.queue.pool"),
    "rules wait": ("workers/spreadsheets/rules/text.py", "import asyncio"),
    "a domain enters by the window": ("workers/spreadsheets/operators.py", "import core.queue.commit.writes"),
    "the face is not pure": ("core/outcome.py", "import asyncpg"),
    "domains know each other": ("workers/second/model.py", "import workers.spreadsheets.model"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("core", "workers"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    second = tmp_path / "workers" / "second"
    second.mkdir()
    for name in ("__init__.py", "model.py"):
        (second / name).write_text('"""A second domain."""\n')
    return tmp_path


def kept(place: Path) -> bool:
    program = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run(
        [program, "--no-cache"],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(place)},
        capture_output=True,
        check=False,
    )
    assert run.returncode in {0, 1}, run.stdout + run.stderr
    return run.returncode == 0


def test_the_contracts_are_kept(copy: Path) -> None:
    assert kept(copy)


@pytest.mark.parametrize("what", BREACHES)
def test_a_planted_breach_is_noticed(copy: Path, what: str) -> None:
    file, line = BREACHES[what]
    planted = copy / file
    planted.write_text(f"{planted.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    assert not kept(copy)
