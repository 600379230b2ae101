"""The README is true: its names exist, and its five steps make a working domain."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import workers
from core import domains
from core.db.migrate import migrate
from core.settings import PROJECT
from tests.running import DOMAINS, Database, Workers, ended, enqueue

README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(?:python|sql)\n(?:#|--) (?P<file>[\w/]+\.(?:py|sql))\n(?P<body>.*?)```", re.DOTALL)


def blocks() -> dict[str, str]:
    return {found["file"]: found["body"] for found in BLOCK.finditer(README)}


def named_places() -> list[tuple[str, str]]:
    return re.findall(r"`([\w/.]+\.(?:py|sql))::([\w.]+)`", README)


def test_the_life_of_a_task_has_seven_lines_and_each_ends_in_a_place() -> None:
    section = README.split("## Life of a task")[1].split("##")[0]
    lines = re.findall(r"^\d\. .*$", section, re.MULTILINE)
    assert [line[0] for line in lines] == list("1234567")
    assert all(re.search(r"`[\w/.]+::[\w.]+`$", line) for line in lines)


@pytest.mark.parametrize(("file", "name"), named_places())
def test_every_place_the_readme_names_exists(file: str, name: str) -> None:
    text = (PROJECT / file).read_text(encoding="utf-8")
    assert re.search(rf"(?:class|def|function(?: public\.)?|function) (?:public\.)?{re.escape(name)}\b", text)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The README's blocks as files, where Python finds them as `workers.greetings`."""
    for file, body in blocks().items():
        place = tmp_path / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(body, encoding="utf-8")
    (tmp_path / "workers" / "greetings" / "__init__.py").write_text('"""A guest book that greets."""\n')
    monkeypatch.setattr(workers, "__path__", [*workers.__path__, str(tmp_path / "workers")])
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("workers.greetings")]:
        del sys.modules[name]


def test_the_five_steps_are_five_files() -> None:
    assert sorted(blocks()) == [
        "migrations/greetings/0001_guests.py",
        "tests/workers/greetings/test_greet.py",
        "workers/greetings/model.py",
        "workers/greetings/operators.py",
        "workers/greetings/queries.sql",
    ]


async def test_the_five_steps_make_a_working_domain(written: Path, database: Database, workers: Workers) -> None:
    domain = domains.discover([*DOMAINS, "workers.greetings"])
    await migrate(database.dsn, domain)
    domains.load(domain, "operators")
    db = await database.connect()
    await db.execute("insert into guests (id, name) values (7, ' Ada ')")
    await workers.start("greetings.greet")
    task_id = await enqueue(db, "greetings.greet", {"guest_id": 7})
    assert (await ended(db, task_id))["status"] == "completed"
    assert await db.fetchval("select greeting from guests") == "Welcome, Ada!"
    assert await db.fetchval("select task_id from audit_events where entity = 'guest'") == task_id


def test_the_operator_test_of_the_readme_passes(written: Path) -> None:
    names: dict[str, object] = {}
    exec((written / "tests/workers/greetings/test_greet.py").read_text(encoding="utf-8"), names)  # noqa: S102
    test = names["test_a_guest_is_greeted_by_name"]
    assert callable(test)
    test()
