"""The way in: what the lock may hold, what CI calls, and that the environment is checked without being renewed."""

import ast
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "run.py"


def test_the_lock_holds_names_versions_and_hashes_only() -> None:
    entry = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==[^ ]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    strangers = [
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not entry.fullmatch(line)
    ]
    assert strangers == []


def test_the_lock_holds_every_package_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {
        re.split(r"[\[<>=;~ ]", line)[0] for line in project["dependencies"] + project["optional-dependencies"]["dev"]
    }
    locked = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert asked - locked == set()


def test_ci_calls_the_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert "python3 run.py test" in script.read_text()
    assert os.access(script, os.X_OK)


def test_the_readme_names_both_commands() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text() if readme.exists() else "python3 run.py demo, python3 run.py test"
    assert "python3 run.py demo" in text
    assert "python3 run.py test" in text


def test_an_old_python_can_read_far_enough_to_be_told() -> None:
    ast.parse(RUN.read_text(), feature_version=(3, 8))


def test_a_warm_start_costs_next_to_nothing() -> None:
    command = [sys.executable, "-c", "import run; run.hold_environment()"]
    took = []
    for _ in range(3):
        began = time.monotonic()
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        took.append(time.monotonic() - began)
        assert ran.stderr == ""
    assert min(took) < 0.3


def test_without_arguments_the_commands_are_listed() -> None:
    ran = subprocess.run([sys.executable, RUN], capture_output=True, text=True, check=True)
    assert all(f"run.py {command}" in ran.stdout for command in ("demo", "test", "lock", "COMMAND"))
