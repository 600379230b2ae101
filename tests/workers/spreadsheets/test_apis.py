"""Columns that call an API for each row: a real server, the guard, JSONPath."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.running import Workers, all_ended
from tests.workers.spreadsheets.places import Places
from tests.workers.spreadsheets.sheets import Sheet, operate, problem, write_rows
from workers.spreadsheets.model import HttpJson
from workers.spreadsheets.rules.outputs import written

HTTP_JSON = "spreadsheets.http_json"


async def test_each_row_calls_and_fills_its_row_in(sheet: Sheet, places: Places, workers: Workers) -> None:
    await sheet.add("Tags")
    config = {"url": places.url("/place/{1}?row={row}"), "path": "$.place.lat"}
    config |= {"outputs": {"$.place.tags[*]": sheet.columns["Tags"]}}  # type: ignore[dict-item]
    await operate(sheet, "Lat", HTTP_JSON, config, ["A"])
    await workers.start(HTTP_JSON)
    await write_rows(sheet, "A", ["Köln/Süd", None])
    await all_ended(sheet.db)
    assert places.asked == ["/place/K%C3%B6ln%2FS%C3%BCd?row=1"]
    cell = await sheet.cell("Lat", 1)
    assert (cell["content"], cell["cell_type"], cell["state"]) == ("52.5", "number", "ok")
    assert json.loads(cell["formatted_content"])["status"] == 200
    assert await sheet.content("Tags", 1) == "a\nb"
    assert await sheet.history("Tags", 1) == [(None, "a\nb", "robot")]
    await sheet.edit("A", 1, None)
    await all_ended(sheet.db)
    assert (await sheet.content("Lat", 1), await sheet.content("Tags", 1)) == (None, None)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/page?{1}", "text/html, which is not read here"),
        ("/broken?{1}", "The answer cannot be read"),
        ("/gone?{1}", "The server answers 404"),
        ("/inside?{1}", "not on the public internet"),
        ("/place/{1}", "the answer has nothing at $.none"),
    ],
)
async def test_what_goes_wrong_stands_in_the_cell(
    sheet: Sheet, places: Places, workers: Workers, path: str, words: str
) -> None:
    await operate(sheet, "Got", HTTP_JSON, {"url": places.url(path), "path": "$.none"}, ["A"])
    await workers.start(HTTP_JSON)
    await write_rows(sheet, "A", ["x"])
    await all_ended(sheet.db)
    told = await problem(sheet, "Got", 1)
    assert told is not None
    assert words.lower() in told.lower()
    assert await sheet.db.fetchval("select max(attempts) from task_queue") == 1


async def test_inside_addresses_are_refused_without_a_request(sheet: Sheet, places: Places, workers: Workers) -> None:
    await operate(sheet, "Got", HTTP_JSON, {"url": "http://127.0.0.1:5432/{1}"}, ["A"])
    await workers.start(HTTP_JSON)
    await write_rows(sheet, "A", ["x"])
    await all_ended(sheet.db)
    assert "port 5432 is not called" in str(await problem(sheet, "Got", 1)).lower()
    assert places.asked == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"url": "{1}"}, "a whole host"),
        ({"url": "http://{1}/x"}, "a whole host"),
        ({"url": "http://api.example.org{1}/x"}, "a whole host"),
        ({"url": "ftp://api.example.org/x"}, "a whole host"),
        ({"url": "http://api.example.org/{x}"}, "is no place"),
        ({"url": "http://api.example.org/{1}", "path": "$.["}, "is no JSONPath"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_configured(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HttpJson.model_validate(config)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (None, "blank")),
        ([], (None, "blank")),
        (True, ("TRUE", "boolean")),
        (3.0, ("3", "number")),
        ([7], ("7", "number")),
        (["a", 1], ("a\n1", "text")),
        ({"a": 1}, ('{"a":1}', "text")),
        ("a\x00b", ("a\ufffdb", "text")),
    ],
)
def test_values_of_json_are_written_as_a_person_reads_them(value: object, expected: tuple[str | None, str]) -> None:
    assert written(value) == expected
