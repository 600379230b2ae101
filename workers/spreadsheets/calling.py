"""Operators that call outside for each row: APIs and language models. Intent before, receipt after; no transaction is
open in between."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from core import Backoff, Done, Fail, Outcome, Snooze, Task, operator
from workers.spreadsheets import adapter
from workers.spreadsheets.model import AskModel, CallApi, KeepAnswer, ReserveTokens, SetCell, SettleTokens
from workers.spreadsheets.rules import apis, decisions, language, pages

PATIENT = Backoff(base_s=5.0, limit_s=600.0)  # with strangers' servers
READS = ("column_of_cell", "inputs_of_cell", "row_of_cell")


@operator(apis.HTTP_JSON, payload=CallApi, concurrency=20, coalesce=True, retry=PATIENT)
async def call_api(task: Task[CallApi]) -> Outcome:
    """Calls the API of one cell's column and fills its row in. Runs of one cell follow each other: what is older than
    the newest edit is written and followed by the next."""
    cell_id = task.payload.cell_id
    if handed_over := decisions.handed_over(cell_id, task.concurrency_key, apis.HTTP_JSON):
        return handed_over
    call = apis.planned(cell_id, *await asyncio.gather(*(task.read(name, cell_id) for name in READS)))
    if not isinstance(call, apis.Call):
        return call
    try:
        if wait_s := await adapter.take_turn(call.address, task.take):
            return Snooze(wait_s, "waits for its turn at the host")
    except adapter.FetchRefused as reason:
        return Done(call.target.wrong(str(reason)))
    await task.commit([call.target.begun(call.address, task.now)])
    target = call.target.with_places(await task.read("row_of_cell", cell_id))
    return await _called(task, apis.Call(target, call.address, call.paths))


async def _called(task: Task[CallApi], call: apis.Call) -> Outcome:
    about: dict[str, Any] = {"at": task.now.isoformat()}
    try:
        found = await adapter.fetch_json(call.address, task.take)
        about |= {"status": found.status, "url": found.url}
        if (wrong := pages.answered(found.status)) is None:
            return apis.received(call, await adapter.read_json(found, call.paths), about)
    except adapter.MustWait as early:
        return Snooze(early.seconds, str(early))
    except (adapter.FetchRefused, adapter.AsideFailed) as reason:
        return Done(call.target.wrong(f"the answer cannot be read: {reason}", about))
    except adapter.FetchFailed as reason:
        return await _later(task, call.target.wrong(str(reason), about), str(reason))
    pause_s = pages.asks_for_mercy(found.status, found.retry_after_s)
    if pause_s is not None:
        await task.hold_off(adapter.host_limit(found.url), pause_s, wrong)
    if pages.may_pass(found.status):
        return await _later(task, call.target.wrong(wrong, about), wrong, pause_s)
    return Done(call.target.wrong(wrong, about))


async def _later(task: Task[Any], at_last: list[SetCell], reason: str, after_s: float | None = None) -> Outcome:
    """Another try; the last one leaves its reason in the cell."""
    outcome = pages.given_up(reason, task.attempts, task.max_attempts, after_s)
    if isinstance(outcome, Fail):
        await task.commit(at_last)
    return outcome


@operator(language.LLM, payload=AskModel, concurrency=10, coalesce=True, retry=PATIENT)
async def ask_model(task: Task[AskModel]) -> Outcome:
    """Asks the language model about one cell's row: the answer to the same prompt where there is one, else a call
    within the sheet's budget."""
    cell_id = task.payload.cell_id
    if handed_over := decisions.handed_over(cell_id, task.concurrency_key, language.LLM):
        return handed_over
    chosen = adapter.model()
    name = adapter.model_name(chosen) if chosen else ""
    reads = await asyncio.gather(*(task.read(each, cell_id) for each in READS))
    question = language.planned(cell_id, name, *reads)
    if not isinstance(question, language.Question):
        return question
    if chosen is None:
        return Done(question.target.wrong(language.NO_MODEL))
    kept = await task.read("language_answer", question.target.spreadsheet_id, question.prompt_hash)
    if not kept and (wait_s := await adapter.take_model_turn(chosen, task.take)):
        return Snooze(wait_s, "waits for its turn at the language model")
    await task.commit([question.target.begun("the language model", task.now)])
    placed = question.placed(await task.read("row_of_cell", cell_id))
    if kept:
        about = {"model": kept[0]["model"], "kept": True, "at": task.now.isoformat()}
        return language.answered(placed, kept[0]["answer"], about)
    return await _asked(task, chosen, placed)


async def _asked(task: Task[AskModel], chosen: Any, question: language.Question) -> Outcome:
    """One call, paid for from the sheet's budget. A run that dies in it leaves what it had reserved as spent."""
    call_id, target = uuid4(), question.target
    reserve = ReserveTokens(
        call_id, target.spreadsheet_id, target.cell_id, question.most_tokens, adapter.sheet_budget()
    )
    await task.commit([reserve])
    if not (await task.read("language_call", call_id))[0]["granted"]:
        return Done(target.wrong(language.NO_BUDGET))
    try:
        answer = await adapter.ask(chosen, question.messages, question.config)
    except adapter.ModelBusy as busy:
        await task.commit([SettleTokens(call_id, 0)])
        await task.hold_off(chosen.limit_name, busy.seconds, str(busy))
        return Snooze(busy.seconds, str(busy))
    except adapter.ModelRefused as reason:
        return Done([*target.wrong(str(reason)), SettleTokens(call_id, 0)])
    except adapter.ModelFailed as reason:
        if not reason.used:
            await task.commit([SettleTokens(call_id, 0)])
        return await _later(task, target.wrong(str(reason)), str(reason))
    cost = question.counted(answer.tokens, answer.text)
    await task.commit([SettleTokens(call_id, cost)])
    about = {"model": answer.model, "tokens": cost, "at": task.now.isoformat()}
    try:
        outcome = language.answered(question, answer.text, about)
    except language.AnswerUnreadable as reason:
        return await _later(task, target.wrong(str(reason), about), str(reason))
    keep = KeepAnswer(target.spreadsheet_id, question.prompt_hash, answer.text, answer.model, cost)
    return Done([*outcome.effects, keep]) if isinstance(outcome, Done) else outcome
