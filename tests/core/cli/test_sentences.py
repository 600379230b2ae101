"""One sentence with the next step for each error a person can cure; the contract's refusals by their SQLSTATE."""

from __future__ import annotations

import asyncpg
import pytest

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


def test_a_surprise_keeps_its_traceback() -> None:
    assert explained(refusal("XX000", "internal")) is None


async def test_help_names_every_command_and_an_unknown_one_ends_with_2(rowmill: Rowmill) -> None:
    said = (await rowmill("--help")).words()
    commands = ("cancel", "enqueue", "explain", "pause", "resume", "retry", "task", "tasks", "workers")
    assert [name for name in commands if f" {name} " not in said] == []
    assert [name for name in commands if (await rowmill(name, "--help")).words().count("--json") == 0] == []
    assert (await rowmill("no-such-command")).code == 2
