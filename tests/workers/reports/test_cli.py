"""The commands: seed, query, ingest, watch, problems, again; each message says the next step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.running import Database, Workers, until
from tests.workers.reports.conftest import forget
from tests.workers.reports.shelf import Shelf

ANN = "**Employee**: Ann Lee\n\n## 2026-01-15\n\n- did a\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of reports; the test's own working directory, for the file of ids."""
    place = tmp_path / "incoming"
    (place / "daily").mkdir(parents=True)
    (place / "daily" / "ann.md").write_text(ANN, encoding="utf-8")
    (place / "daily" / "notes.pdf").write_bytes(b"%PDF")
    (place / ".hidden.md").write_text("x", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROWMILL_ENV", "")  # a command sets it: it is put back after the test
    return place


@pytest.fixture
async def reader(shelf: Shelf, store: Path, workers: Workers) -> Shelf:
    """A worker in a process of its own, whose log is not on the command's stdout."""
    await workers.spawn(domains="workers.reports", files_dir=str(store))
    return shelf


async def test_seeding_writes_the_ids_per_environment_and_survives_the_loss_of_the_file(
    rowmill: Rowmill, db: Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await rowmill("reports", "seed", "--env", "dev", "--json")).json()
    file = Path(".neon-db-ids.dev.json")
    ids = json.loads(file.read_text(encoding="utf-8"))
    assert sorted(ids["teams"]) == ["ai-coach", "engagepath", "rocks", "timeclock"]
    assert (sorted(ids["organizations"]), len(ids["reportTypes"])) == (["Full Scale", "Full Scale Ventures"], 3)
    assert (first["environment"], first["file_state"]) == ("dev", "was written")
    assert (await rowmill("reports", "seed", "--env", "dev", "--json")).json()["file_state"] == "is up to date"
    file.unlink()
    await rowmill("reports", "seed", "--env", "dev")
    assert json.loads(file.read_text(encoding="utf-8")) == ids
    file.write_text("{broken", encoding="utf-8")
    assert (await rowmill("reports", "seed", "--json")).json()["file_state"] == "could not be read and was written anew"
    assert json.loads(file.read_text(encoding="utf-8")) == ids
    assert await db.fetchval("select count(*) from teams") == 4
    monkeypatch.setenv("ROWMILL_ENV", "")
    monkeypatch.setenv("NEON_ENV", "staging")
    assert (await rowmill("reports", "seed", "--json")).json()["file"] == ".neon-db-ids.staging.json"


async def test_an_environment_without_a_database_and_an_unknown_one_are_refused_with_the_next_step(
    rowmill: Rowmill, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROWMILL_DATABASE_URL")
    said = (await rowmill("reports", "seed", "--env", "prod")).refusal()
    assert said.startswith("rowmill: DATABASE_URL is not set: the environment prod needs a database of its own; set ")
    monkeypatch.setenv("ROWMILL_ENV", "moon")
    said = (await rowmill("reports", "query")).refusal()
    assert said == "rowmill: there is no environment 'moon'; NEON_ENV is dev, staging or prod"


async def test_files_are_taken_in_counted_and_shown(rowmill: Rowmill, reader: Shelf, folder: Path) -> None:
    said = (await rowmill("reports", "ingest", str(folder), "--team", "rocks")).words()
    assert "1 file received" in said
    assert "2 other files skipped" in said
    assert "daily reports new" in said
    again = (await rowmill("reports", "ingest", str(folder), "--team", "rocks", "--json")).json()
    assert (again["received"], again["counts"]["daily_reports_unchanged"]) == (1, 1)
    shown = (await rowmill("reports", "query")).words()
    assert "rocks" in shown
    figures = (await rowmill("reports", "query", "--json")).json()
    [rocks] = [each for each in figures["teams"] if each["team"] == "rocks"]
    assert (rocks["daily_reports"], rocks["authors"], rocks["newest_day"]) == (1, 1, "2026-01-15")
    assert [each["counts"]["files"] for each in figures["ingestions"]] == [1, 1]
    assert [each["name"] for each in figures["report_types"]] == ["1on1", "dashboard", "weekly-digest"]


async def test_what_is_wrong_is_said_in_one_sentence(
    rowmill: Rowmill, db: Connection, folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = ("reports", "ingest", str(folder), "--team", "rocks")
    assert (await rowmill(*ingest)).refusal() == (
        "rowmill: no team 'rocks': run `rowmill reports seed`, or add it with `rowmill reports team`"
    )
    assert "No team yet" in (await rowmill("reports", "query")).words()
    assert "nothing to take in" in (await rowmill("reports", "ingest", "--team", "rocks")).refusal()
    assert "'May' is no week" in (await rowmill(*ingest, "--week", "May")).refusal()
    assert "there is no folder" in (await rowmill("reports", "watch", str(folder / "x"), "--team", "rocks")).refusal()
    for name, said in (
        ("ENABLE_VERCEL_BLOB_UPLOAD", "the blob store is switched off"),
        ("ENABLE_NEON_DB_STORAGE", "storing documents is switched off"),
    ):
        monkeypatch.setenv(name, "false")
        forget()
        assert said in (await rowmill(*ingest)).refusal()
    forget()


async def test_a_store_that_cannot_be_written_is_named_and_the_command_goes_on_later(
    rowmill: Rowmill, shelf: Shelf, folder: Path, store: Path
) -> None:
    store.parent.mkdir(exist_ok=True)
    store.write_text("a file where the folder should be", encoding="utf-8")
    said = (await rowmill("reports", "ingest", str(folder), "--team", "rocks")).refusal()
    assert "blob store" in said
    store.unlink()
    found = (await rowmill("reports", "ingest", str(folder), "--team", "rocks", "--json")).json()
    assert found["received"] == 1
    assert await shelf.count("report_ingestions") == 1
    assert await shelf.count("report_files") == 1


async def test_without_workers_the_files_wait_and_the_command_says_so(
    rowmill: Rowmill, shelf: Shelf, folder: Path, store: Path
) -> None:
    said = (await rowmill("reports", "ingest", str(folder), "--team", "rocks")).words()
    assert "waits for workers; start them with `rowmill work`" in said
    assert await shelf.count("task_queue", "task_type = 'reports.ingest_file' and status = 'pending'") == 1


async def test_a_missing_file_is_named_and_ends_with_1(
    rowmill: Rowmill, shelf: Shelf, folder: Path, store: Path
) -> None:
    said = await rowmill("reports", "ingest", str(folder / "gone.md"), str(folder), "--team", "rocks", "--no-wait")
    assert said.code == 1
    assert "gone.md was not received: it does not exist" in said.out.replace("\n", " ")
    assert await shelf.count("report_files") == 1


async def test_problems_are_listed_and_reading_again_heals_them(rowmill: Rowmill, reader: Shelf, folder: Path) -> None:
    (folder / "daily" / "ann.md").write_text("## 2026-01-15\n\n- a\n", encoding="utf-8")
    said = (await rowmill("reports", "ingest", str(folder), "--team", "rocks")).words()
    assert "line 1: nobody is named for this day" in said
    [problem] = (await rowmill("reports", "problems", "--json")).json()["problems"]
    assert (problem["line"], problem["status"]) == (1, "failed")
    assert "nobody is named" in (await rowmill("reports", "problems", "--team", "rocks")).words()
    healed = (await rowmill("reports", "again", problem["id"], "--author", "Ann", "--json")).json()
    assert healed["files"] == 1
    await until(lambda: reader.count("daily_reports", "author_name = 'Ann'"))
    await until(lambda: reader.count("generated_reports", "counts ->> 'files_stored' = '1'"))
    assert "Everything could be read." in (await rowmill("reports", "problems")).words()


async def test_a_watched_folder_takes_new_and_changed_files_once(
    rowmill: Rowmill, shelf: Shelf, folder: Path, store: Path
) -> None:
    watch = ("reports", "watch", str(folder), "--team", "rocks", "--once", "--every", "0.05")
    file = folder / "daily" / "ann.md"
    assert "1 file received" in (await rowmill(*watch)).words()
    file.touch()
    assert (await rowmill(*watch)).words() == ""
    for content, files in ((ANN + "more\n", 2), (ANN, 3)):
        file.write_text(content, encoding="utf-8")
        await rowmill(*watch)
        assert await shelf.count("report_files") == files
    assert await shelf.count("report_ingestions", "source = 'watch' and closed_at is not null") == 3


async def test_two_environments_lie_side_by_side(
    rowmill: Rowmill, folder: Path, database: Database, bare_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its own address in .env.<name>, its own rows, its own file of ids."""
    monkeypatch.delenv("ROWMILL_DATABASE_URL")
    for env, made in (("staging", bare_database), ("dev", database)):
        Path(f".env.{env}").write_text(f"DATABASE_URL={made.dsn}\n", encoding="utf-8")
    monkeypatch.setenv("NEON_ENV", "staging")
    assert (await rowmill("migrate")).code == 0
    monkeypatch.delenv("NEON_ENV")
    ids = {}
    for env in ("dev", "staging"):
        assert (await rowmill("reports", "seed", "--env", env)).code == 0
        ids[env] = json.loads(Path(f".neon-db-ids.{env}.json").read_text(encoding="utf-8"))["teams"]
    assert ids["dev"].keys() == ids["staging"].keys()
    assert set(ids["dev"].values()).isdisjoint(ids["staging"].values())


async def test_workers_read_while_the_command_waits(rowmill: Rowmill, reader: Shelf, folder: Path) -> None:
    """`ingest` returns the counts of what workers have read meanwhile, of many files."""
    for number in range(300):
        text = f"**Employee**: Person {number % 20}\n\n## 2026-02-{number % 28 + 1:02d}\n\n- did {number}\n"
        (folder / "daily" / f"{number}.md").write_text(text, encoding="utf-8")
    found = (await rowmill("reports", "ingest", str(folder), "--team", "rocks", "--json")).json()
    assert (found["received"], found["counts"]["files_stored"]) == (301, 301)
    new, revised = (found["counts"].get(f"daily_reports_{word}", 0) for word in ("new", "revised"))
    assert new == 141
    assert new + revised + found["counts"].get("daily_reports_older", 0) == 301
