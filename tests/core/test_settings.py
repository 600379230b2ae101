"""Settings come from the environment and from files, under our names and the documented ones of others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.db.connect import connect
from core.settings import ALIASES, SecretUnreadable, Settings, env_files
from tests.running import Database

HERE = "postgresql://u@here/db"
THERE = "postgresql://u@there/db"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder and no settings of the machine."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("ROWMILL_") or name in {*sum(ALIASES.values(), ()), "NEON_ENV"}:
            monkeypatch.delenv(name)


@pytest.mark.parametrize("name", ALIASES["database_url"])
def test_the_database_answers_to_each_of_its_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, HERE)
    assert Settings().database_url == HERE


def test_our_own_name_wins_over_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", THERE)
    monkeypatch.setenv("ROWMILL_DATABASE_URL", HERE)
    assert Settings().database_url == HERE


def test_files_are_read_the_later_one_wins_and_the_environment_over_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"DATABASE_URL={THERE}\nROWMILL_DRAIN_S=7\n")
    assert (Settings().database_url, Settings().drain_s) == (THERE, 7)
    (tmp_path / ".env.local").write_text(f"DATABASE_URL={HERE}\n")
    assert (Settings().database_url, Settings().drain_s) == (HERE, 7)
    monkeypatch.setenv("ROWMILL_DRAIN_S", "9")
    assert (Settings().database_url, Settings().drain_s) == (HERE, 9)


@pytest.mark.parametrize("name", ["NEON_ENV", "ROWMILL_ENV"])
def test_several_environments_lie_side_by_side(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(f"DATABASE_URL={HERE}\n")
    (tmp_path / ".env.staging").write_text(f"DATABASE_URL={THERE}\n")
    assert Settings().database_url == HERE
    monkeypatch.setenv(name, "staging")
    assert Settings().database_url == THERE


def test_the_name_of_the_environment_may_stand_in_the_first_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NEON_ENV=dev\n")
    assert env_files() == (".env", ".env.local", ".env.dev")
    (tmp_path / ".env").write_text("NEON_ENV=../../etc/passwd\n")
    assert env_files() == (".env", ".env.local")


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text(f"{HERE}\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "secret"))
    assert Settings().database_url == HERE
    monkeypatch.setenv("DATABASE_URL", THERE)
    assert Settings().database_url == THERE


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL_FILE=/nonexistent/secret\n")
    with pytest.raises(SecretUnreadable, match="DATABASE_URL_FILE names the file /nonexistent/secret"):
        Settings()


@pytest.mark.parametrize(
    ("given", "on"), [("true", True), ("1", True), ("app:*", False), ("", False), ("false", False)]
)
def test_debug_is_on_when_it_plainly_says_so(given: str, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", given)
    assert Settings().debug is on


async def test_debug_tells_the_time_of_each_statement_and_none_of_its_values(
    bare_database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEBUG", "true")
    connection = await connect(bare_database.dsn, Settings(), "test")
    await connection.fetch("select $1::text, 'a literal', 1", "a parameter")
    await connection.close()
    said = capsys.readouterr().err
    assert "SQL" in said
    assert "ms  select $1::text," in said
    assert "literal" not in said
    assert "a parameter" not in said


@pytest.mark.parametrize("pool_max", range(4, 31))
@pytest.mark.parametrize("commits", range(2, 11))
def test_a_worker_keeps_to_its_connections_however_they_are_set(pool_max: int, commits: int) -> None:
    settings = Settings(pool_max=pool_max, commit_connections=commits)
    shares = (settings.worker_claims, settings.worker_commits, settings.worker_reads)
    assert min(shares[:2]) >= 1
    assert min(shares) >= 0
    assert sum(shares) + 2 <= pool_max
