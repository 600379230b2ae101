"""Columns that a language model fills in: a real endpoint on loopback, budgets that are exact, answers that are
kept."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.running import Database, Workers, all_ended, until
from tests.workers.deals.modelserver import UseModel, model_server
from tests.workers.spreadsheets.serving import Client
from tests.workers.spreadsheets.sheets import Sheet, operate, problem, write_rows
from workers.spreadsheets.model import Language
from workers.spreadsheets.rules.language import SYSTEM

LLM = "spreadsheets.llm"
SCHEMA = {
    "type": "object",
    "properties": {"mood": {"type": "string", "enum": ["good", "bad"]}, "score": {"type": "integer"}},
    "required": ["mood"],
    "additionalProperties": False,
}
PROMPT = {"prompt": "What is the mood of: {1}", "schema": SCHEMA, "max_tokens": 20}


async def budget(sheet: Sheet) -> tuple[int, int]:
    row = await sheet.one("select tokens, used from sheet_budgets where spreadsheet_id = $1", sheet.id)
    return row["tokens"], row["used"]


async def set_budget(sheet: Sheet, tokens: int) -> None:
    await sheet.db.execute("insert into sheet_budgets (spreadsheet_id, tokens) values ($1, $2)", sheet.id, tokens)


async def hurry(sheet: Sheet) -> bool:
    """What waits for another try is due now."""
    await sheet.db.execute("update task_queue set scheduled_for = now() where status = 'pending'")
    live = "select exists (select from task_queue where status in ('pending', 'processing'))"
    return not await sheet.db.fetchval(live)


async def test_a_row_is_asked_about_and_the_answer_fills_it_in(
    sheet: Sheet, workers: Workers, use_model: UseModel
) -> None:
    await sheet.add("Score")
    await operate(sheet, "Mood", LLM, {**PROMPT, "outputs": {"score": sheet.columns["Score"]}}, ["A"])
    async with model_server('```json\n{"mood": "good", "score": 9}\n```') as server:
        use_model(server.url)
        await workers.start(LLM)
        await write_rows(sheet, "A", ["sunny {1}", None])
        await all_ended(sheet.db)
    assert [await sheet.content(title, 1) for title in ("Mood", "Score")] == ["good", "9"]
    assert json.loads((await sheet.cell("Mood", 1))["formatted_content"])["tokens"] == 321
    (asked,) = server.asked
    assert asked["messages"][1]["content"] == "What is the mood of: sunny {1}"
    assert asked["messages"][0]["content"].startswith(SYSTEM)
    assert asked["response_format"]["json_schema"]["schema"] == SCHEMA
    assert asked["max_tokens"] == 20
    assert (await budget(sheet))[1] == 321


async def test_the_same_prompt_is_asked_once_and_the_answer_is_kept(
    sheet: Sheet, workers: Workers, use_model: UseModel
) -> None:
    await operate(sheet, "Mood", LLM, {"prompt": "{1}?"}, ["A"])
    async with model_server("blue") as server:
        use_model(server.url)
        await workers.start(LLM)
        await write_rows(sheet, "A", ["sky"])
        await all_ended(sheet.db)
        await write_rows(sheet, "A", ["sky", "sky"], 2)
        await all_ended(sheet.db)
    assert await sheet.contents("Mood") == ["blue"] * 3
    assert len(server.asked) == 1
    assert (await budget(sheet))[1] == 321


async def test_without_a_language_model_the_cell_says_what_is_missing(sheet: Sheet, workers: Workers) -> None:
    await operate(sheet, "Mood", LLM, PROMPT, ["A"])
    await workers.start(LLM)
    await write_rows(sheet, "A", ["x"])
    await all_ended(sheet.db)
    assert "ROWMILL_LLM_URL" in str(await problem(sheet, "Mood", 1))


async def test_a_budget_is_exact_however_many_ask_at_once(
    sheet: Sheet, database: Database, workers: Workers, use_model: UseModel
) -> None:
    """Endpoints that tell no cost: a call counts as what it may cost until it is settled, and never more is granted."""
    most = 3000
    await set_budget(sheet, most)
    await operate(sheet, "Mood", LLM, {"prompt": "{1}?", "max_tokens": 200}, ["A"])
    over: list[int] = []
    async with model_server("yes") as server:
        use_model(server.url)
        for _ in range(3):
            await workers.start(LLM)
        watch = await database.connect()

        async def looks() -> bool:
            over.append(await watch.fetchval("select max(used) from sheet_budgets"))
            return bool(
                await watch.fetchval(
                    "select count(*) = 40 from cells where column_id = $1 and "
                    "(content is not null or cell_type = 'error')",
                    sheet.columns["Mood"],
                )
            )

        await write_rows(sheet, "A", [f"question {at}" for at in range(40)])
        await until(looks, what="all rows answered or refused")
        await all_ended(sheet.db)
    granted = len(server.asked)
    assert max(over) <= most
    assert 0 < granted < 40
    spent = await sheet.db.fetchval("select sum(spent) from language_calls where granted")
    assert (await budget(sheet))[1] == spent == granted * 321
    refused = await sheet.db.fetchval("select count(*) from language_calls where not granted")
    assert (refused, granted) == (40 - granted, 40 - refused)
    told = await sheet.db.fetchval(
        "select count(*) from cells where column_id = $1 and formatted_content ->> 'error' like '%budget%'",
        sheet.columns["Mood"],
    )
    assert told == refused


@pytest.mark.parametrize(
    ("answers", "words", "used"),
    [
        (["no JSON at all"], "wrote no JSON", 3 * 321),
        ([{"mood": "sad"}], "does not fit the schema (mood", 3 * 321),
        ([500], "the language model says 500", 0),
        ([401], "check ROWMILL_LLM_URL", 0),
    ],
)
async def test_what_goes_wrong_stands_in_the_cell_and_is_paid_for_only_where_it_cost(
    sheet: Sheet, workers: Workers, use_model: UseModel, answers: list[Any], words: str, used: int
) -> None:
    await operate(sheet, "Mood", LLM, PROMPT, ["A"])
    async with model_server(*answers) as server:
        use_model(server.url)
        await workers.start(LLM)
        await write_rows(sheet, "A", ["x"])
        await until(lambda: hurry(sheet), what="the last try")
    assert words.lower() in str(await problem(sheet, "Mood", 1)).lower()
    assert (await budget(sheet))[1] == used


async def test_a_busy_endpoint_is_left_alone_and_asked_again(
    sheet: Sheet, workers: Workers, use_model: UseModel
) -> None:
    await operate(sheet, "Mood", LLM, {"prompt": "{1}?"}, ["A"])
    async with model_server((429, "1"), "fine") as server:
        use_model(server.url)
        await workers.start(LLM)
        await write_rows(sheet, "A", ["x"])
        await all_ended(sheet.db)
    assert await sheet.content("Mood", 1) == "fine"
    assert await sheet.db.fetchval("select attempts from task_queue") == 1
    assert (await budget(sheet))[1] == 321


async def test_an_answer_that_never_came_counts_as_what_it_may_have_cost(
    sheet: Sheet, workers: Workers, use_model: UseModel
) -> None:
    await operate(sheet, "Mood", LLM, {"prompt": "{1}?"}, ["A"])
    async with model_server("slow", "fine") as server:
        use_model(server.url)
        await workers.start(LLM)
        await write_rows(sheet, "A", ["x"])
        await until(lambda: hurry(sheet), what="the second try")
    assert await sheet.content("Mood", 1) == "fine"
    lost = await sheet.db.fetchval("select reserved from language_calls where spent is null")
    assert (await budget(sheet))[1] == lost + 321


async def test_a_prompt_that_is_too_long_is_not_asked(sheet: Sheet, workers: Workers, use_model: UseModel) -> None:
    await operate(sheet, "Mood", LLM, {"prompt": "{1}?"}, ["A"])
    async with model_server("fine") as server:
        use_model(server.url)
        await workers.start(LLM)
        await write_rows(sheet, "A", ["x" * 20_000])
        await all_ended(sheet.db)
    assert "longer than 20,000 characters" in str(await problem(sheet, "Mood", 1))
    assert server.asked == []


async def test_a_column_that_runs_when_asked_waits_for_it(
    client: Client, sheet: Sheet, workers: Workers, use_model: UseModel
) -> None:
    await write_rows(sheet, "A", [f"q{at}" for at in range(1, 6)])
    path = f"/api/spreadsheets/{sheet.id}"
    async with model_server("fine") as server:
        use_model(server.url)
        await workers.start(LLM)
        body = {"title": "Mood", "operator": LLM, "inputs": [sheet.columns["A"]]}
        config = {"prompt": "{1}?", "max_tokens": 100, "run": "asked"}
        made = await client.post(f"{path}/columns", {**body, "config": config})
        column = made.body["id"]
        sheet.columns["Mood"] = column
        assert await sheet.db.fetchval("select count(*) from task_queue") == 0
        told = (await client.post(f"{path}/estimate", {"column_id": column})).body
        assert (told["rows"], told["calls"], told["answered_already"], told["exact"]) == (5, 5, 0, True)
        assert told["tokens_answered"] == 500
        assert told["cost"] == pytest.approx((told["tokens_asked"] * 2 + 500 * 10) / 1e6, abs=1e-4)
        assert (told["fits"], told["budget"], told["model"]) == (True, 1_000_000, "gpt-4o-mini")
        assert (await client.post(f"{path}/columns/{column}/run", {"rows": [[1, 1], [4, 5]]})).status == 200
        await all_ended(sheet.db)
        rows = "select array_agg(row_number order by row_number) from cells where column_id = $1 and content = 'fine'"
        assert await sheet.db.fetchval(rows, sheet.columns["Mood"]) == [1, 4, 5]
        told = (await client.post(f"{path}/estimate", {"column_id": column})).body
        assert (told["calls"], told["answered_already"], told["used"]) == (2, 3, 3 * 321)
        await client.post(f"{path}/columns/{column}/run", {"only": "missing"})
        await all_ended(sheet.db)
        assert len(server.asked) == 5
        assert await sheet.contents("Mood") == ["fine"] * 5


async def test_a_budget_is_set_and_an_estimate_says_when_it_does_not_fit(client: Client, sheet: Sheet) -> None:
    await write_rows(sheet, "A", ["one", "two"])
    path = f"/api/spreadsheets/{sheet.id}"
    assert (await client.post(f"{path}/budget", {"tokens": 10})).status == 200
    assert (await client.get(f"{path}/budget")).body == {"tokens": 10, "used": 0}
    planned = {"config": {"prompt": "{1}?"}, "inputs": [sheet.columns["A"]]}
    told = (await client.post(f"{path}/estimate", planned)).body
    assert (told["calls"], told["fits"], told["model"], told["cost"]) == (2, False, None, None)
    wrong = await client.post(f"{path}/estimate", {"config": {"prompt": "{2}?"}, "inputs": [sheet.columns["A"]]})
    assert (wrong.status, wrong.error["field"]) == (422, "inputs")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"prompt": "{x}"}, "is no place"),
        ({"prompt": "x", "schema": {"type": "string"}}, "describes an object"),
        ({"prompt": "x", "schema": {"type": "object", "properties": {"a": {"$ref": "#"}}}}, "not understood here"),
        ({"prompt": "x", "schema": {"type": "object", "properties": {"a": {"pattern": "(a+)+"}}}}, "not understood"),
        ({"prompt": "x", "schema": {"type": "object", "properties": {"a": {"type": "strong"}}}}, "no JSON Schema"),
        ({"prompt": "x", "field": "a"}, "no property"),
        ({"prompt": "x" * 8001}, "at most 8000"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_configured(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Language.model_validate(config)


async def test_a_running_column_is_cancelled_and_what_is_there_stays(
    client: Client, sheet: Sheet, workers: Workers, use_model: UseModel
) -> None:
    await write_rows(sheet, "A", [f"q{at}" for at in range(30)])
    async with model_server("slow") as server:
        use_model(server.url)
        await operate(sheet, "Mood", LLM, {"prompt": "{1}?"}, ["A"])
        await workers.start(LLM)
        await until(lambda: asyncio.sleep(0, len(server.asked) >= 1), what="a call under way")
        answer = await client.post(f"/api/spreadsheets/{sheet.id}/columns/{sheet.columns['Mood']}/cancel")
        assert answer.status == 200
        await all_ended(sheet.db)
    states = await sheet.db.fetch("select status, count(*)::int as tasks from task_queue group by 1")
    assert {row["status"]: row["tasks"] for row in states} == {"cancelled": 30}
    shown = "select count(*) from cells where column_id = $1 and formatted_content ? 'fetching'"
    assert await sheet.db.fetchval(shown, sheet.columns["Mood"]) == 0
