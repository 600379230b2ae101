"""Columns and rows: add, rename, configure, delete; rows below the last one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from core.web import Ask, Call, Nothing, Refused, absent, route
from workers.spreadsheets.http.configs import check_config
from workers.spreadsheets.http.fitting import check_fits
from workers.spreadsheets.http.models import (
    BODY_BYTES,
    AddedRows,
    AskedColumn,
    AskedSheet,
    ColumnChange,
    Done,
    NewColumn,
    NewRows,
)
from workers.spreadsheets.http.seeing import live_columns, own_sheet
from workers.spreadsheets.http.sheets import part_id
from workers.spreadsheets.http.shown import Row
from workers.spreadsheets.model import AppendColumn, AppendRows, ChangeColumn, DeleteColumn


@route("POST", "/api/spreadsheets/{id}/columns", scope="operate", status=201, refuses=(404, 409))
async def add_column(call: Call[AskedSheet, NewColumn]) -> Done:
    """Adds a column behind the last one. With an operator it fills itself in from its inputs."""
    sheet, body = await own_sheet(call, call.asked.id), call.body
    _check_inputs(body.inputs, await live_columns(call, call.asked.id))
    config = check_config(body.operator, body.config)
    await check_fits(call, sheet, body.operator, config, len(body.inputs))
    made_id = part_id(call.command_id, "column")
    column = AppendColumn(
        call.asked.id, made_id, body.title, body.width, body.operator or None, config, tuple(body.inputs)
    )
    await call.apply("spreadsheets.add_column", [column], workspace_id=sheet["workspace_id"])
    return Done(id=made_id)


@route("POST", "/api/spreadsheets/{id}/columns/{column_id}", scope="operate", refuses=(404, 409))
async def change_column(call: Call[AskedColumn, ColumnChange]) -> Done:
    """Renames or configures a column. What it computes is computed anew where operator, config or inputs change."""
    sheet, columns = await own_sheet(call, call.asked.id), await live_columns(call, call.asked.id)
    now, body = _one(columns, call.asked.column_id), call.body
    inputs = now["inputs"] if body.inputs is None else body.inputs
    _check_inputs(inputs, columns)
    operator = now["operator"] if body.operator is None else body.operator or None
    config = orjson.loads(now["config"]) if body.config is None else body.config
    if body.operator is not None or body.config is not None:
        config = check_config(operator, config)
        await check_fits(call, sheet, operator, config, len(inputs))
    change = ChangeColumn(
        now["id"],
        body.title or now["title"],
        body.width or now["width"],
        now["is_visible"] if body.is_visible is None else body.is_visible,
        operator,
        config,
        tuple(inputs),
    )
    seen = {} if body.version is None else {("sheet_columns", now["id"]): body.version}
    await call.apply("spreadsheets.change_column", [change], seen=seen, workspace_id=sheet["workspace_id"])
    return Done(id=now["id"])


@route("POST", "/api/spreadsheets/{id}/columns/{column_id}/delete", scope="operate", refuses=(404, 409))
async def delete_column(call: Call[AskedColumn, Nothing]) -> Done:
    """Takes a column out of sight. One that others are computed from is refused."""
    sheet, columns = await own_sheet(call, call.asked.id), await live_columns(call, call.asked.id)
    column = _one(columns, call.asked.column_id)
    users = [each["title"] for each in columns.values() if column["id"] in each["inputs"]]
    if users:
        raise Refused(
            409, "in_use", f"the column {users[0]!r} is computed from this one; choose other inputs for it first"
        )
    await call.apply("spreadsheets.delete_column", [DeleteColumn(column["id"])], workspace_id=sheet["workspace_id"])
    return Done(id=column["id"])


@route("POST", "/api/spreadsheets/{id}/rows", scope="operate", status=201, refuses=(404, 409), body_bytes=BODY_BYTES)
async def add_rows(call: Call[AskedSheet, NewRows]) -> AddedRows:
    """Adds rows below the last one, blank or with values."""
    sheet, columns = await own_sheet(call, call.asked.id), await live_columns(call, call.asked.id)
    column_ids, rows = _new_rows(call.body, columns)
    effect = AppendRows(call.asked.id, column_ids, rows)
    ask = Ask("answer_rows", {"spreadsheet_id": call.asked.id})
    answer = await call.apply("spreadsheets.add_rows", [effect], workspace_id=sheet["workspace_id"], ask=ask)
    return AddedRows(**answer.rows[0])


def _new_rows(
    body: NewRows, columns: Mapping[UUID, Row]
) -> tuple[tuple[UUID, ...], tuple[tuple[str | None, ...], ...]]:
    if not columns:
        raise Refused(422, "no_columns", "this sheet has no column yet; add one first")
    if not body.rows:
        first = next(iter(columns))
        return (first,), ((None,),) * body.count
    _known(body.columns, columns, "columns")
    for at, row in enumerate(body.rows):
        if len(row) != len(body.columns):
            raise Refused(
                422,
                "wrong_length",
                f"row {at} has {len(row)} values for {len(body.columns)} columns; send one for each",
                field=f"rows.{at}",
            )
    return tuple(body.columns), tuple(tuple(value or None for value in row) for row in body.rows)


def _one(columns: Mapping[UUID, Row], column_id: UUID) -> Row:
    if column_id not in columns:
        raise absent("column")
    return columns[column_id]


def _check_inputs(inputs: list[UUID], columns: Mapping[UUID, Row]) -> None:
    _known(inputs, columns, "inputs")


def _known(ids: list[Any], columns: Mapping[UUID, Row], field: str) -> None:
    for at, each in enumerate(ids):
        if each not in columns:
            raise Refused(
                422, "unknown_column", f"the sheet has no column {each}; read it again", field=f"{field}.{at}"
            )
    if len(set(ids)) < len(ids):
        raise Refused(422, "twice", "a column is named twice; name each once", field=field)
