"""Runs of a column: what a language model would cost, its budget, run it or some of its rows, cancel it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from core.web import Call, Nothing, Refused, absent, route
from workers.spreadsheets import adapter
from workers.spreadsheets.http.configs import check_config
from workers.spreadsheets.http.models import AskedColumn, AskedSheet, Done
from workers.spreadsheets.http.seeing import live_columns, own_sheet, seen_sheet
from workers.spreadsheets.http.shapes import Budget, Estimate, EstimateRequest, NewBudget, RunRequest
from workers.spreadsheets.http.shown import Row
from workers.spreadsheets.model import Language, SetBudget, template_of
from workers.spreadsheets.model.structure import CancelColumn, RunColumn
from workers.spreadsheets.rules import estimates, language

LOOKED_AT: Final = 20_000  # rows of an estimate
PIECE: Final = 2000


@route("POST", "/api/spreadsheets/{id}/columns/{column_id}/run", scope="operate", refuses=(404, 409))
async def run_column(call: Call[AskedColumn, RunRequest]) -> Done:
    """Computes a column anew, or some of its rows. Formulas and lookups are always computed as a whole."""
    sheet, body = await own_sheet(call, call.asked.id), call.body
    _operated(await live_columns(call, call.asked.id), call.asked.column_id)
    run = RunColumn(call.asked.id, call.asked.column_id, multirange(body.rows), body.only)
    await call.apply("spreadsheets.run_column", [run], workspace_id=sheet["workspace_id"])
    return Done(id=call.asked.column_id)


@route("POST", "/api/spreadsheets/{id}/columns/{column_id}/cancel", scope="operate", refuses=(404, 409))
async def cancel_column(call: Call[AskedColumn, Nothing]) -> Done:
    """Ends what waits or runs for a column. What has been filled in stays; a later run goes on with what is missing."""
    sheet = await own_sheet(call, call.asked.id)
    _operated(await live_columns(call, call.asked.id), call.asked.column_id)
    cancel = CancelColumn(call.asked.id, call.asked.column_id)
    await call.apply("spreadsheets.cancel_column", [cancel], workspace_id=sheet["workspace_id"])
    return Done(id=call.asked.column_id)


@route("GET", "/api/spreadsheets/{id}/budget", scope="read", refuses=(404,))
async def read_budget(call: Call[AskedSheet, Nothing]) -> Budget:
    """The budget of a sheet for language models, in tokens, and what is used of it."""
    await seen_sheet(call, call.asked.id)
    return await _budget(call)


@route("POST", "/api/spreadsheets/{id}/budget", scope="operate", refuses=(404, 409))
async def set_budget(call: Call[AskedSheet, NewBudget]) -> Done:
    """Sets the budget of a sheet. What was used stays counted."""
    sheet = await own_sheet(call, call.asked.id)
    change = SetBudget(call.asked.id, call.body.tokens)
    await call.apply("spreadsheets.set_budget", [change], workspace_id=sheet["workspace_id"])
    return Done(id=call.asked.id)


@route("POST", "/api/spreadsheets/{id}/estimate", scope="operate", refuses=(404, 409))
async def estimate(call: Call[AskedSheet, EstimateRequest]) -> Estimate:
    """What a language-model column would ask and cost, before it runs: an existing one, or one as it is planned."""
    await seen_sheet(call, call.asked.id)
    config, inputs = _planned(call.body, await live_columns(call, call.asked.id))
    chosen, budget = adapter.model(), await _budget(call)
    name = adapter.model_name(chosen) if chosen else ""
    counted = await _counted(call, config, inputs, name)
    price_in, price_out = adapter.prices()
    asked, answered = counted.tokens_asked, counted.calls * config.max_tokens
    return Estimate(
        rows=counted.rows,
        calls=counted.calls,
        answered_already=counted.kept,
        tokens_asked=asked,
        tokens_answered=answered,
        cost=estimates.cost(asked, answered, price_in, price_out),
        budget=budget.tokens,
        used=budget.used,
        fits=asked + answered <= budget.tokens - budget.used,
        exact=counted.exact,
        model=chosen.name if chosen else None,
    )


async def _counted(
    call: Call[AskedSheet, EstimateRequest], config: Language, inputs: Sequence[UUID], model: str
) -> estimates.Counted:
    """Looks at each row, up to a limit; one prompt is asked once."""
    counted, after = estimates.Counted(), 0
    while counted.rows < LOOKED_AT:
        rows = await call.read(
            "http_prompts", input_ids=inputs, after_row=after, ranges=multirange(call.body.rows), most=PIECE
        )
        fresh = counted.add(estimates.prompts(config, model, [dict(row) for row in rows]))
        known = await call.read("http_answered", spreadsheet_id=call.asked.id, prompt_hashes=list(fresh))
        counted.keep({row["prompt_hash"] for row in known}, fresh)
        if len(rows) < PIECE:
            return counted
        after = rows[-1]["row_number"]
    counted.exact = False
    return counted


async def _budget(call: Call[AskedSheet, Any]) -> Budget:
    (row,) = await call.read("http_budget", spreadsheet_id=call.asked.id)
    tokens = adapter.sheet_budget() if row["tokens"] is None else row["tokens"]
    return Budget(tokens=tokens, used=row["used"])


def _planned(body: EstimateRequest, columns: dict[UUID, Row]) -> tuple[Language, list[UUID]]:
    """Raises Refused 404 or 422."""
    given, inputs = body.config, body.inputs
    if body.column_id is not None:
        column = _operated(columns, body.column_id)
        if column["operator"] != language.LLM:
            raise Refused(
                422, "operator", "only language-model columns have a cost; name one of those", field="column_id"
            )
        given, inputs = orjson.loads(column["config"]), list(column["inputs"])
    config = Language.model_validate(check_config(language.LLM, given))
    missing = [each for each in inputs if each not in columns]
    places = template_of(config.prompt).inputs
    if missing or not inputs or max(places, default=0) > len(inputs):
        raise Refused(422, "inputs", "the prompt names a place without an input; choose its columns", field="inputs")
    return config, inputs


def _operated(columns: dict[UUID, Row], column_id: UUID) -> Row:
    if column_id not in columns:
        raise absent("column")
    if columns[column_id]["operator"] is None:
        raise Refused(409, "plain", "this is a plain column; give it an operator first")
    return columns[column_id]


def multirange(rows: Sequence[tuple[int, int]] | None) -> str | None:
    """As PostgreSQL writes a set of ranges. Raises Refused 422."""
    if rows is None:
        return None
    for at, (first, last) in enumerate(rows):
        if last < first:
            raise Refused(422, "empty_window", "the last row stands before the first; swap them", field=f"rows.{at}")
    return "{" + ",".join(f"[{first},{last}]" for first, last in rows) + "}"
