"""`rowmill drain`: whom it means, and what it says when that is nobody, or several."""

from __future__ import annotations

import pytest

from core.cli.version import code_version, git_revision
from core.db.connect import Connection
from core.settings import PROJECT, Settings
from tests.core.cli.conftest import Rowmill

WORKER = """
insert into rowmill.workers (worker_id, host, pid, beat_at, lease_until, task_types)
values ($1, $2, $3, now(), now() + $4 * interval '1 second', array['toy.note'])"""
ASKED = "select array_agg(worker_id order by worker_id) from rowmill.workers where drain_asked_at is not null"


@pytest.fixture
async def three(db: Connection) -> None:
    for worker_id, host, pid, lease_s in (
        ("aaa-1", "north", 10, 60),
        ("aab-2", "north", 11, 60),
        ("b-3", "south", 10, 60),
        ("gone-4", "south", 12, -1),
    ):
        await db.execute(WORKER, worker_id, host, pid, lease_s)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("aaa-1",), ["aaa-1"]),
        (("aab",), ["aab-2"]),
        (("south:10",), ["b-3"]),
        (("--host", "north"), ["aaa-1", "aab-2"]),
        (("--all",), ["aaa-1", "aab-2", "b-3"]),
    ],
)
async def test_a_worker_is_meant_by_its_id_a_beginning_its_place_its_host_or_with_all(
    three: None, db: Connection, rowmill: Rowmill, words: tuple[str, ...], asked: list[str]
) -> None:
    said = await rowmill("drain", *words)
    assert f"asked {len(asked)} worker" in said.words()
    assert "see them go with `rowmill workers`" in said.words()
    assert await db.fetchval(ASKED) == asked
    assert (await rowmill("drain", *words, "--json")).json() == {"asked": asked, "gone": None}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "say whom to drain: one WORKER (`rowmill workers` lists them), or --host HOST, or --all"),
        (("aaa-1", "--all"), "say whom to drain"),
        (("aa",), "2 workers have an id that begins with 'aa'; give more of it"),
        (("gone-4",), "no living worker has the id or the host:pid 'gone-4'; `rowmill workers` lists them"),
        (("",), "no living worker has the id or the host:pid ''"),
        (("--host", "east"), "no worker lives on the host 'east'; `rowmill workers` lists them"),
    ],
)
async def test_whoever_is_not_there_or_not_alone_is_told_and_nobody_drains(
    three: None, db: Connection, rowmill: Rowmill, words: tuple[str, ...], told: str
) -> None:
    assert told in (await rowmill("drain", *words)).refusal()
    assert await db.fetchval(ASKED) is None


async def test_a_worker_that_does_not_answer_is_told_instead_of_waited_for(
    three: None, db: Connection, rowmill: Rowmill
) -> None:
    """A worker of an older release never looks at the column."""
    await db.execute("update rowmill.workers set drain_asked_at = now() - interval '1 hour' where worker_id = 'b-3'")
    said = await rowmill("drain", "b-3", "--wait")
    assert said.code == 1
    assert "1 worker did not answer (b-3): of an older release, or stuck; stop them" in said.err
    assert "south:10 does not answer" in said.out


async def test_workers_shows_who_was_asked(three: None, rowmill: Rowmill) -> None:
    await rowmill("drain", "b-3")
    listed = {each["worker_id"]: each["state"] for each in (await rowmill("workers", "--json")).json()["workers"]}
    assert (listed["b-3"], listed["aaa-1"]) == ("asked to drain", "alive")


def test_the_code_version_is_the_release_and_the_revision_unless_it_is_set() -> None:
    assert code_version(Settings(code_version="from the pipeline")) == "from the pipeline"
    revision = git_revision(PROJECT / ".git")
    expected = "0.1.0" if revision is None else f"0.1.0+g{revision[:9]}"
    assert code_version(Settings(code_version=None)) == expected


def test_a_folder_that_is_no_checkout_has_no_revision(tmp_path: object) -> None:
    assert git_revision(PROJECT / "docs" / ".git") is None
