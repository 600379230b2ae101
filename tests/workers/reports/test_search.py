"""Full text search: found to the end of a text, ranked, highlighted; by workspace."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.db import catalogs
from core.db.workspace import DEFAULT_WORKSPACE
from tests.core.cli.conftest import Rowmill
from tests.running import Database, until
from tests.workers.reports.shelf import Shelf
from workers.reports.rules.hits import START, STOP, pieces


async def search(shelf: Shelf, query: str, **asked: Any) -> list[dict[str, Any]]:
    nothing = dict.fromkeys(("workspaces", "project_id", "first_day", "last_day", "kind"))
    found = await catalogs.of_package("workers.reports")["search"].fetch(
        shelf.db, **{**nothing, "query": query, "most": 20, "skip": 0, **asked}
    )
    return [dict(row) for row in found]


@pytest.fixture
async def texts(shelf: Shelf) -> dict[str, UUID]:
    """Four daily reports and a transcript, the last with its word far from the beginning."""
    found = {
        "login": await shelf.report("Ann Lee", "2026-01-12", "- the login page is slow\n- login fixed, login tested"),
        "once": await shelf.report("Bob", "2026-01-13", "- " + "wrote documentation about everything " * 20 + " login"),
        "none": await shelf.report("Cleo", "2026-01-14", "- gardening"),
    }
    filler = "people talked about the weather. " * 3000
    found["talk"] = await shelf.db.fetchval(
        "insert into meeting_transcripts (project_id, filename, transcript_date, title, content)"
        " values ($1, 'a.vtt', '2026-01-15', 'planning', $2) returning id",
        shelf.team,
        f"{filler} Then Ann said: the giraffe must be fed.",
    )
    return found


async def test_the_best_comes_first_and_the_words_around_are_marked(shelf: Shelf, texts: dict[str, UUID]) -> None:
    found = await search(shelf, "login")
    assert [row["id"] for row in found] == [texts["login"], texts["once"]]
    assert found[0]["rank"] > found[1]["rank"]
    assert ("login", True) in pieces(found[0]["around"])
    assert (found[0]["kind"], found[0]["name"], found[0]["team"], found[0]["total"]) == ("daily", "Ann Lee", "rocks", 2)


async def test_words_match_in_all_their_forms_phrases_and_exclusions_count(
    shelf: Shelf, texts: dict[str, UUID]
) -> None:
    assert [row["id"] for row in await search(shelf, "logins test")] == [texts["login"]]
    assert [row["id"] for row in await search(shelf, '"login page"')] == [texts["login"]]
    assert [row["id"] for row in await search(shelf, "login -page")] == [texts["once"]]
    assert {row["id"] for row in await search(shelf, "gardening or giraffe")} == {texts["none"], texts["talk"]}
    assert await search(shelf, "zebra") == []
    assert await search(shelf, "the") == []


async def test_a_word_at_the_end_of_a_long_text_is_found_and_shown(shelf: Shelf, texts: dict[str, UUID]) -> None:
    [row] = await search(shelf, "giraffe")
    assert (row["id"], row["kind"], row["name"]) == (texts["talk"], "transcript", "planning")
    assert ("giraffe", True) in pieces(row["around"])


async def test_authors_and_titles_are_found_and_weigh_more(shelf: Shelf, texts: dict[str, UUID]) -> None:
    await shelf.report("Bob", "2026-01-16", "- asked Ann for help")
    assert (await search(shelf, "ann"))[0]["name"] == "Ann Lee"
    assert (await search(shelf, "planning"))[0]["id"] == texts["talk"]


async def test_a_search_is_narrowed_by_team_days_kind_and_page(shelf: Shelf, texts: dict[str, UUID]) -> None:
    other = await shelf.team_id("timeclock")
    assert await search(shelf, "login", project_id=other) == []
    assert len(await search(shelf, "login", first_day=date(2026, 1, 13))) == 1
    assert len(await search(shelf, "login", last_day=date(2026, 1, 12))) == 1
    assert await search(shelf, "login", kind="transcript") == []
    assert [row["id"] for row in await search(shelf, "login", most=1, skip=1)] == [texts["once"]]


async def test_a_team_is_searched_in_its_language_and_others_in_theirs(shelf: Shelf) -> None:
    """German word forms are found in a German team, English ones in an English team, by one search of both."""
    await shelf.db.execute("update teams set search_language = 'german' where name = 'timeclock'")
    english = await shelf.report("Ann", content="- the tests of the houses")
    shelf.team = await shelf.team_id("timeclock")
    german = await shelf.report("Bob", content="- die Prüfungen der Häuser")
    assert [row["id"] for row in await search(shelf, "Prüfung")] == [german]
    assert [row["id"] for row in await search(shelf, "test")] == [english]
    assert {row["id"] for row in await search(shelf, "house or Haus")} == {english, german}
    [row] = await search(shelf, "Prüfung")
    assert ("Prüfungen", True) in pieces(row["around"])


async def test_another_language_indexes_what_is_there_anew(shelf: Shelf) -> None:
    texts = {await shelf.report("Bob", content="- die Prüfungen")}
    insert = (
        "insert into meeting_transcripts (project_id, filename, transcript_date, content)"
        " values ($1, 'a.vtt', '2026-01-15', 'viele Prüfungen') returning id"
    )
    texts.add(await shelf.db.fetchval(insert, shelf.team))
    assert await search(shelf, "Prüfung") == []
    for language, found in (("german", texts), ("simple", set()), ("german", texts)):
        await shelf.db.execute("update teams set search_language = $1 where id = $2", language, shelf.team)
        assert {row["id"] for row in await search(shelf, "Prüfung")} == found
        assert {row["id"] for row in await search(shelf, "Prüfungen")} == texts
    assert await shelf.count("report_passages") == 2
    with pytest.raises(asyncpg.UndefinedObjectError, match="klingon"):
        await shelf.db.execute("update teams set search_language = 'klingon'")


async def test_a_text_that_is_written_while_the_language_changes_is_indexed_in_the_new_one(
    shelf: Shelf, database: Database
) -> None:
    """The change waits for whoever is writing, and sees what he wrote."""
    row = await shelf.report("Bob", content="- nothing yet")
    writer = await database.connect()
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute("update daily_reports set content = '- die Prüfungen' where id = $1", row)
    change = "update teams set search_language = 'german' where id = $1"
    changing = asyncio.create_task(shelf.db.execute(change, shelf.team))
    blocked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like 'update teams%'"
    await until(lambda: writer.fetchval(blocked))
    await transaction.commit()
    await changing
    assert [found["id"] for found in await search(shelf, "Prüfung")] == [row]


async def test_a_report_that_moves_to_another_team_is_found_there(shelf: Shelf) -> None:
    row = await shelf.report("Ann", content="- zebra")
    other = await shelf.team_id("timeclock")
    await shelf.db.execute("update daily_reports set project_id = $1", other)
    assert [found["id"] for found in await search(shelf, "zebra", project_id=other)] == [row]
    assert await search(shelf, "zebra", project_id=shelf.team) == []


async def test_nobody_finds_what_belongs_to_another_workspace(shelf: Shelf, texts: dict[str, UUID]) -> None:
    assert len(await search(shelf, "login", workspaces=[DEFAULT_WORKSPACE])) == 2
    assert await search(shelf, "login", workspaces=[uuid4()]) == []
    assert await search(shelf, "login", workspaces=[]) == []


async def test_marks_that_stand_in_a_text_mark_nothing(shelf: Shelf) -> None:
    await shelf.report(content=f"{START}evil{STOP} login")
    [row] = await search(shelf, "login")
    assert [part for part, hit in pieces(row["around"]) if hit] == ["login"]


async def test_a_search_among_many_passages_uses_the_index(shelf: Shelf) -> None:
    await shelf.db.execute(
        "insert into daily_reports (project_id, author_name, report_date, content)"
        " select $1, 'A' || n, '2026-01-01', 'word' || n || ' common' from generate_series(1, 5000) n",
        shelf.team,
    )
    await shelf.db.execute("vacuum analyze report_passages")
    plan = await shelf.db.fetch(
        "explain select from report_passages p where p.words @@ websearch_to_tsquery('english', 'word4711')"
    )
    assert any("report_passages_words_idx" in row[0] for row in plan)
    assert [row["name"] for row in await search(shelf, "word4711")] == ["A4711"]


async def test_the_command_shows_hits_and_says_what_is_missing(
    rowmill: Rowmill, shelf: Shelf, texts: dict[str, UUID], tmp_path: Path
) -> None:
    said = (await rowmill("reports", "search", "login")).words()
    assert said.startswith("2 texts found")
    assert "login page is slow" in said
    found = (await rowmill("reports", "search", "login", "--team", "rocks", "--json")).json()
    assert found["total"] == 2
    assert {"text": "login", "hit": True} in found["hits"][0]["around"]
    assert "nothing to search for" in (await rowmill("reports", "search")).refusal()
    assert "no team 'x'" in (await rowmill("reports", "search", "a", "--team", "x")).refusal()


@given(st.text(max_size=50), st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=4))
def test_pieces_lose_no_letter(before: str, hits: list[tuple[str, str]]) -> None:
    around = before + "".join(f"{START}{hit}{STOP}{rest}" for hit, rest in hits)
    told = pieces(around)
    plain = around.replace(START, "").replace(STOP, "").replace("\n", " ")
    assert sum(1 for _, hit in told if hit) <= around.count(START)
    assert "".join(part for part, _ in told).split() == plain.split()
