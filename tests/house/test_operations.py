"""docs/operations.md is true: settings, commands and the commands of the backup are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.cli.main import app
from core.settings import ALIASES, PROJECT, Settings, variable_of

TEXT = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
SETTINGS = TEXT.partition("## Configure")[2].partition("## Deploy")[0]
ROWS = {row[0]: (row[1], row[2]) for row in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", SETTINGS, re.MULTILINE)}


def documented_default(name: str) -> str:
    default = Settings.model_fields[name].default
    return "none" if default is None or default == () else f"`{default}`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_stands_in_the_table_with_its_default(name: str) -> None:
    default, meaning = ROWS[variable_of(name)]
    assert default.startswith(documented_default(name))
    assert meaning


def test_the_table_has_no_setting_that_nobody_reads() -> None:
    assert sorted(set(ROWS) - {variable_of(name) for name in Settings.model_fields}) == []


def test_every_other_name_of_a_setting_is_told() -> None:
    for name, others in ALIASES.items():
        told = " ".join((variable_of(name), *ROWS[variable_of(name)]))
        assert [each for each in others if each not in told] == [], name


def test_names_that_nothing_reads_yet_are_read_by_nothing() -> None:
    later = re.findall(r"`([A-Z_]{6,})`", SETTINGS.partition("nothing reads yet")[2])
    assert later
    code = "\n".join(file.read_text(encoding="utf-8") for file in (PROJECT / "core").rglob("*.py"))
    assert [name for name in later if name in code] == []


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"`?rowmill ((?:db )?[a-z]+)\b(?! is | below)", TEXT)) - {"recovered and"}
    commands = {name for name in app if not name.startswith("-")}
    group = {f"db {name}" for name in ("status", "fresh", "reset", "seed")}
    assert sorted(named - commands - group) == []
    assert {"top", "doctor", "recovered", "db reset", "up", "migrate"} <= named


def test_every_target_of_the_makefile_is_there() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert targets == {"dev", "db-fresh", "db-reset", "db-status", "db-seed", "demo", "test", "clean"}
    named = re.findall(r"(?:`|   )make ([a-z-]+)\b", TEXT)
    assert "dev" in named
    assert sorted(set(named) - targets) == []
    for word in re.findall(r"^\t.*run\.py (\w+)", makefile, re.MULTILINE):
        assert word in {name for name in app if not name.startswith("-")} | {"test"}


def test_the_commands_of_the_backup_are_those_that_the_test_runs() -> None:
    tested = Path(PROJECT / "tests" / "processes" / "test_restore.py").read_text(encoding="utf-8")
    lines = re.findall(r"^(pg_\w+) (.*)$", TEXT, re.MULTILINE)
    assert {program for program, _ in lines} == {"pg_dump", "pg_restore", "pg_basebackup"}
    for program, arguments in lines:
        options = re.findall(r"(?:^| )(--[a-z-]+(?:=(?:custom|fast))?|-[A-Z])(?= |=|$)", arguments)
        assert options
        assert [each for each in (program, *options) if f'"{each}' not in tested] == []


def test_env_files_are_ignored_by_git() -> None:
    ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {".env", ".env.*"} <= set(ignored)
