"""docs/troubleshooting.md is complete and true: every message has an entry, every entry a message, and its SQL runs."""

from __future__ import annotations

import re

import pytest

from core.cli.doctor import findings
from core.db.connect import Connection
from core.settings import PROJECT
from tests.house.messages import DOCUMENT, entries, messages, wanted

TEXT = DOCUMENT.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)


def test_every_message_of_the_programs_has_an_entry() -> None:
    """What is missing: `python -m tests.house.messages` prints it, ready to be explained."""
    there = set(entries())
    assert {message: where for message, where in wanted().items() if message not in there} == {}


def test_every_entry_is_a_message_of_the_programs() -> None:
    assert sorted(set(entries()) - set(messages())) == []
    assert len(entries()) == len(set(entries())) > 100


def test_every_entry_has_a_cause_or_a_cure() -> None:
    assert [line for line in TEXT.splitlines() if re.match(r"- \*\*.+\*\*\s*$", line)] == []


def test_the_collector_notices_a_message_without_an_entry() -> None:
    assert "cannot reach the database (…); is it running, and is DATABASE_URL right?" in messages()
    assert "task … is …; only a finished task can be retried" in messages()
    assert "…; DATABASE_URL must name the primary, not a replica" in messages()


def test_every_check_of_the_doctor_is_explained() -> None:
    home = PROJECT / "core" / "cli" / "doctor"
    code = "\n".join(file.read_text(encoding="utf-8") for file in home.glob("*.py"))
    checks = set(re.findall(r"\b(?:ok|warning|problem|Finding)\(\s*\"(\w+)\"", code))
    named = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (.*?) \|", TEXT, re.MULTILINE))))
    assert sorted(checks - named) == []
    assert len(checks) > 15
    assert findings.worst([findings.ok("x", "fine")]) == "ok"


@pytest.mark.parametrize("block", BLOCKS, ids=[block.splitlines()[0].removeprefix("-- ")[:40] for block in BLOCKS])
async def test_the_useful_sql_runs(db: Connection, block: str) -> None:
    statement = block.strip().rstrip(";")
    if "copy (" in statement:
        statement = re.findall(r"copy \((.*)\) to stdout", statement, re.DOTALL)[0]
    await db.fetch(statement)


def test_there_are_the_asked_statements() -> None:
    assert len(BLOCKS) >= 8
    for word in ("pg_total_relation_size", "pg_stat_activity", "pg_terminate_backend", "format csv"):
        assert any(word in block for block in BLOCKS)
