"""The commands of sheets do what the routes do, in the name of a person."""

from __future__ import annotations

import pytest

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.running import Workers, all_ended
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet, write_rows


async def test_a_sheet_is_looked_at_shared_moved_and_undone(
    db: Connection, sheet: Sheet, rowmill: Rowmill, workers: Workers
) -> None:
    await write_rows(sheet, "A", ["one", "two", "three"])
    await sheet.derive("Up", ["A"])
    name = str(sheet.id)
    assert [each["id"] for each in (await rowmill("sheets", "list", "--json")).json()["sheets"]] == [name]
    await rowmill("sheets", "share", name, "--public")
    await rowmill("sheets", "budget", name, "500")
    told = (await rowmill("sheets", "show", name, "--json")).json()
    assert (told["is_public"], told["budget"]["tokens"]) == (True, 500)
    await rowmill("sheets", "move-column", name, "B", "--before", "A")
    told = (await rowmill("sheets", "show", name, "--json")).json()
    assert [each["title"] for each in told["columns"]] == ["B", "A", "Up"]
    await rowmill("sheets", "move-rows", name, "3", "3", "1")
    assert await sheet.contents("A") == ["three", "one", "two"]
    gone = (await rowmill("sheets", "delete-rows", name, "1", "2", "--json")).json()["id"]
    assert await sheet.contents("A") == ["two"]
    await rowmill("sheets", "restore", name, gone)
    await workers.start(TRANSFORM)
    await all_ended(db)
    await sheet.edit("Up", 2, "mine")
    await rowmill("sheets", "run", name, "Up", "--rows", "1-2")
    await all_ended(db)
    assert await sheet.contents("Up") == ["THREE", "ONE", "TWO"]
    await rowmill("sheets", "cancel", name, "Up")
    edit = (await sheet.edits("Up", 2))[-1]["id"]
    await rowmill("sheets", "undo", name, str(edit))
    assert await sheet.content("Up", 2) == "mine"
    authors = await db.fetch("select distinct user_id from sheet_edit_events where user_id is not null")
    assert [row["user_id"] for row in authors] == [sheet.owner_id]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "A"), "is a plain column"),
        (("run", "C"), "the sheet has no column 'C'"),
        (("share",), "--public, --no-public or --owner"),
        (("move-rows", "2", "1", "5"), "rows go somewhere else"),
        (("restore", "00000000-0000-4000-8000-000000000001"), "nothing deleted has the id"),
        (("undo", "00000000-0000-4000-8000-000000000001"), "there is no edit"),
    ],
)
async def test_what_is_wrong_is_said_in_one_sentence(
    sheet: Sheet, rowmill: Rowmill, arguments: tuple[str, ...], words: str
) -> None:
    verb, *rest = arguments
    answer = await rowmill("sheets", verb, str(sheet.id), *rest)
    assert words in answer.refusal()
