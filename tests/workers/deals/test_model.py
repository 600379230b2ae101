"""Drafts by a language model: whatever the endpoint does, a draft is whole and checked, or there is a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.db.connect import Connection
from core.outside import LanguageModel, ModelBusy, ModelFailed, ModelRefused
from tests.running import Workers, ended, enqueue, task_row, until
from tests.workers.deals.conftest import SetMail
from tests.workers.deals.modelserver import completion, model_server
from tests.workers.deals.seeds import Seeded, add_draft, draft_row, seed

GENERATE, REGENERATE = "deals.generate_draft", "deals.regenerate_draft"
GOOD: dict[str, Any] = {
    "body": "Hi Sarah,\n\nParking at The Foundry is $250 a month.",
    "confidence": 88,
    "reasoning": {
        "questionsAddressed": [{"question": "parking?", "answer": "$250", "sourceEmailId": 1}],
        "dataUsed": [{"dataPoint": "parking", "sourceType": "space", "sourceId": 1, "fieldPath": "x", "value": 250}],
        "schedulingLogic": ["none"],
    },
}


@pytest.fixture
async def seeded(db: Connection) -> Seeded:
    return await seed(db)


def model(url: str, limit_s: float = 5.0) -> LanguageModel:
    return LanguageModel(url, "stub", "secret", limit_s=limit_s)


ASKED = [{"role": "user", "content": "hello"}]


async def test_an_answer_comes_with_its_tokens_and_the_key_goes_along() -> None:
    async with model_server("hello") as server:
        found = await model(server.url).complete(ASKED, as_json=True)
    assert (found.text, found.model, found.tokens) == ("hello", "stub-1", 321)
    assert server.keys == ["Bearer secret"]
    assert server.asked[0]["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((429, "7"), ModelBusy),
        ((503, "7"), ModelBusy),
        (500, ModelFailed),
        (502, ModelFailed),
        (400, ModelRefused),
        (401, ModelRefused),
        (404, ModelRefused),
        (302, ModelRefused),
        (b"no json", ModelFailed),
        (b"[]", ModelFailed),
        (b'{"choices": []}', ModelFailed),
        (json.dumps(completion("  ")).encode(), ModelFailed),
        (b"[" * 100_000, ModelFailed),
        ("slow", ModelFailed),
        ("endless", ModelFailed),
    ],
)
async def test_each_fault_of_an_endpoint_has_one_meaning(answer: Any, error: type[Exception]) -> None:
    async with model_server(answer) as server:
        with pytest.raises(error) as raised:
            await model(server.url, 1.0).complete(ASKED)
    assert "secret" not in str(raised.value)
    if isinstance(raised.value, ModelBusy):
        assert raised.value.seconds == 7


async def test_nobody_there_is_a_failure_of_this_time() -> None:
    with pytest.raises(ModelFailed):
        await model("http://127.0.0.1:9/v1").complete(ASKED)


async def test_a_draft_of_a_model_keeps_its_reasons_and_tokens_and_is_checked(
    db: Connection, workers: Workers, seeded: Seeded, use_model: SetMail
) -> None:
    async with model_server(GOOD) as server:
        use_model(server.url)
        await workers.start(GENERATE)
        await ended(db, await enqueue(db, GENERATE, {"email_id": seeded.email_id}))
    [draft] = await db.fetch("select * from email_drafts")
    assert (draft["final_body"], draft["confidence_score"]) == (GOOD["body"], 88)
    assert json.loads(draft["reasoning"])["schedulingLogic"] == ["none"]
    told = json.loads(draft["metadata"])
    assert (told["model"], told["tokensUsed"]) == ("stub-1", 321)
    assert json.loads(draft["validation"])["status"] == "passed"
    told = json.loads(server.asked[0]["messages"][1]["content"])
    assert told["mail"]["id"] == seeded.email_id
    assert [each["name"] for each in told["spaces"]] == ["The Foundry", "Harbor Loft"]


async def test_what_a_model_invents_is_found(
    db: Connection, workers: Workers, seeded: Seeded, use_model: SetMail
) -> None:
    lie = {**GOOD, "body": "Hi Sarah,\n\nThe Foundry is $5,000 a month and has a gym."}
    async with model_server(lie) as server:
        use_model(server.url)
        await workers.start(GENERATE)
        await ended(db, await enqueue(db, GENERATE, {"email_id": seeded.email_id}))
    found = json.loads(await db.fetchval("select validation from email_drafts"))
    assert found["status"] == "failed"
    assert {each.split(":")[0] for each in found["issues"]} == {"wrong_price", "invented_amenity"}


@pytest.mark.parametrize(
    "answers",
    [
        [500, GOOD],
        ["not the JSON that was asked for", GOOD],
        [{"reply": "no body"}, GOOD],
        [{**GOOD, "body": "x" * 60_000}, GOOD],
        ["slow", GOOD],
        ["endless", GOOD],
        [f"```json\n{json.dumps(GOOD)}\n```"],
        [{"body": GOOD["body"], "confidence": 400, "reasoning": "none"}],
    ],
)
async def test_a_bad_answer_is_tried_again_and_a_draft_is_never_half(
    db: Connection, workers: Workers, seeded: Seeded, use_model: SetMail, answers: list[Any]
) -> None:
    async with model_server(*answers) as server:
        use_model(server.url)
        await workers.start(GENERATE)
        task = await enqueue(db, GENERATE, {"email_id": seeded.email_id})

        async def look() -> bool:
            await db.execute("update task_queue set scheduled_for = now() where status = 'pending'")
            return bool((await task_row(db, task))["status"] == "completed")

        await until(look)
    assert await db.fetchval("select final_body from email_drafts") == GOOD["body"]


async def test_too_many_requests_make_everybody_wait_and_use_no_attempt(
    db: Connection, workers: Workers, seeded: Seeded, use_model: SetMail
) -> None:
    async with model_server((429, "30"), GOOD) as server:
        use_model(server.url)
        await workers.start(GENERATE)
        task = await enqueue(db, GENERATE, {"email_id": seeded.email_id})

        async def look() -> bool:
            row = await task_row(db, task)
            return bool(row["status"] == "pending" and row["run_no"] == 1)

        await until(look)
        row = await task_row(db, task)
        assert row["attempts"] == 0
        assert "too many requests" in row["error_message"]
        assert 25 < await db.fetchval("select extract(epoch from $1 - now())", row["scheduled_for"]) <= 31
        assert await db.fetchval("select count(*) from rowmill.limits where name = 'llm:127.0.0.1'") == 1
        assert len(server.asked) == 1


async def test_a_wrong_key_ends_the_task_and_gives_the_regeneration_back(
    db: Connection, workers: Workers, seeded: Seeded, use_model: SetMail
) -> None:
    draft_id = await add_draft(db, seeded, regeneration_count=1)
    async with model_server(401) as server:
        use_model(server.url)
        await workers.start(GENERATE, REGENERATE)
        row = await ended(
            db, await enqueue(db, REGENERATE, {"draft_id": draft_id, "instruction": "shorter", "counted": True})
        )
        assert (row["status"], "ROWMILL_LLM_URL" in row["error_message"]) == ("failed", True)
    draft = await draft_row(db, draft_id)
    assert (draft["regeneration_count"], draft["current_version"]) == (0, 0)


async def test_an_instruction_goes_to_the_model_with_the_text_before(
    db: Connection, workers: Workers, seeded: Seeded, use_model: SetMail
) -> None:
    draft_id = await add_draft(db, seeded)
    async with model_server(GOOD) as server:
        use_model(server.url)
        await workers.start(REGENERATE)
        await ended(db, await enqueue(db, REGENERATE, {"draft_id": draft_id, "instruction": "warmer", "counted": True}))
        told = json.loads(server.asked[0]["messages"][1]["content"])
    assert (told["instructionOfTheAgent"], told["previousDraft"]) == ("warmer", "Hi Sarah,\n\nThank you.")
    assert (await draft_row(db, draft_id))["current_version"] == 1
