"""`rowmill reports team`: a team of one's own with its schedules, and the language of its texts."""

from __future__ import annotations

from tests.core.cli.conftest import Rowmill
from tests.workers.reports.shelf import Shelf

NEW = ("reports", "team", "lab", "--organization", "Half Scale")


async def test_a_team_of_ones_own_is_added_once_with_its_schedules(rowmill: Rowmill, shelf: Shelf) -> None:
    assert (await rowmill(*NEW)).words() == "team lab of Half Scale was added; its texts are searched in: english"
    assert "lab of Half Scale was there already" in (await rowmill(*NEW)).words()
    assert await shelf.count("teams", "name = 'lab'") == 1
    schedules = await shelf.rows("select name, payload ->> 'project_id' from rowmill.schedules where name like '% lab'")
    lab = str(await shelf.team_id("lab"))
    assert sorted(schedules) == [
        ("reports 1on1 lab", lab),
        ("reports dashboard lab", lab),
        ("reports weekly-digest lab", lab),
    ]


async def test_the_language_of_a_team_is_given_changed_and_shown(rowmill: Rowmill, shelf: Shelf) -> None:
    made = (await rowmill(*NEW, "--language", "german", "--json")).json()
    assert (made["done"], made["search_language"]) == ("was added", "german")
    await shelf.report(content="- tests")
    assert "was indexed anew" in (await rowmill("reports", "team", "rocks", "--language", "simple")).words()
    assert (await rowmill("reports", "search", "test", "--json")).json()["total"] == 0
    assert (await rowmill("reports", "search", "tests", "--json")).json()["total"] == 1
    teams = (await rowmill("reports", "query", "--json")).json()["teams"]
    languages = {each["team"]: each["search_language"] for each in teams}
    assert (languages["lab"], languages["rocks"], languages["timeclock"]) == ("german", "simple", "english")


async def test_what_is_wrong_with_a_team_is_said_in_one_sentence(rowmill: Rowmill, shelf: Shelf) -> None:
    assert (await rowmill("reports", "team", "lab")).refusal() == (
        "rowmill: the team 'lab' is new: say whose it is, as in --organization 'Full Scale'"
    )
    said = (await rowmill("reports", "team", "rocks", "--language", "klingon")).refusal()
    assert said.startswith("rowmill: this database has no language 'klingon'; it has arabic, ")
    assert "simple" in said
    said = (await rowmill("reports", "team", "rocks", "--organization", "Half Scale")).refusal()
    assert said == "rowmill: the team 'rocks' is there, and belongs to 'Full Scale'; name that one"
    assert "must have 1 to 200 characters" in (await rowmill("reports", "team", " ")).refusal()
    assert await shelf.count("teams") == 4
