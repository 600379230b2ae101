"""One sentence with the next step for each error a person can cure; the contract's refusals by their SQLSTATE."""

from __future__ import annotations

import importlib
import inspect
import tempfile
from pathlib import Path

import asyncpg
import cyclopts
import pytest

from core.cli import run
from core.cli.main import COMMANDS, domain_commands
from core.cli.sentences import explained
from tests.core.cli.conftest import Rowmill

ADVICE = "; look for it with: select id from task_queue"


def refusal(code: str, message: str) -> BaseException:
    made: BaseException = asyncpg.PostgresError.new({"C": code, "M": message})
    return made


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("RM001", f"no x{ADVICE}", "no x; start a worker that knows it, or see which types run with `rowmill workers`"),
        ("RM002", "a is missing; b is missing", "a is missing; b is missing; correct it and enqueue again"),
        ("RM003", "task is pending; only a finished one", "task is pending; only a finished one"),
        ("RM004", f"twin{ADVICE}", "twin; wait for the other task, or cancel it with `rowmill cancel`"),
        ("RM005", f"no task{ADVICE}", "no task; look for it with `rowmill tasks`"),
        ("RM006", "too large; store it and enqueue its id", "too large; store it and enqueue its id"),
        ("57P01", "terminated", "terminated; try again, and see what became of it with `rowmill tasks`"),
    ],
)
def test_a_refusal_names_the_next_step_and_gives_no_sql_to_who_typed_a_command(
    code: str, message: str, expected: str
) -> None:
    assert explained(refusal(code, message)) == expected


def test_what_nobody_has_listed_keeps_the_words_and_the_sqlstate_of_the_database() -> None:
    said = "the database says: internal (SQLSTATE XX000); look it up in docs/troubleshooting.md"
    assert explained(refusal("XX000", "internal")) == said


def test_a_surprise_is_one_sentence_and_its_traceback_is_in_a_file_for_the_caller_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    nothing: dict[str, str] = {}
    with pytest.raises(SystemExit) as ended:
        run(lambda: nothing["secret"], "rowmill")
    said = capsys.readouterr().err
    (log,) = tmp_path.glob("*.log")
    assert (ended.value.code, said.count("\n"), "Traceback" in said, "secret" in said) == (1, 1, False, False)
    assert str(log) in said
    assert "KeyError: 'secret'" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("name", "where", "told"), [*COMMANDS, *domain_commands()])
def test_the_tree_tells_of_a_command_what_the_command_tells_of_itself(name: str, where: str, told: str) -> None:
    module, _, attribute = where.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    own = command.help if isinstance(command, cyclopts.App) else inspect.getdoc(command)
    assert own is not None
    assert told == " ".join(own.split("\n\n")[0].split())


def test_a_domain_brings_its_own_commands_and_unreadable_settings_bring_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWMILL_DOMAINS", "workers.spreadsheets,tests.toy")
    assert [name for name, *_ in domain_commands()] == ["sheets", "sessions", "toy"]
    monkeypatch.setenv("ROWMILL_DOMAINS", "workers.nothing")
    assert list(domain_commands()) == []
    monkeypatch.setenv("ROWMILL_LEASE_S", "never")
    assert list(domain_commands()) == []


async def test_help_names_every_command_and_an_unknown_one_ends_with_2(rowmill: Rowmill) -> None:
    said = (await rowmill("--help")).words()
    commands = (
        "cancel",
        "doctor",
        "enqueue",
        "explain",
        "pause",
        "recovered",
        "resume",
        "retention",
        "retry",
        "task",
        "tasks",
        "top",
        "up",
        "workers",
    )
    assert [name for name in commands if f" {name} " not in said] == []
    assert [name for name in commands if (await rowmill(name, "--help")).words().count("--json") == 0] == []
    assert (await rowmill("no-such-command")).code == 2
