"""Whether a column's configuration fits the sheets that it names: checked before it is stored, and again when it
runs."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from core.web import Call, Refused
from workers.spreadsheets.http.seeing import live_columns, seen_sheet
from workers.spreadsheets.http.shown import Row
from workers.spreadsheets.model import template_of
from workers.spreadsheets.rules.outputs import outputs_unfit

TEMPLATES: Final = {"spreadsheets.http_json": "url", "spreadsheets.llm": "prompt"}
ONE_INPUT: Final = frozenset({"spreadsheets.lookup", "spreadsheets.fetch_page"})


async def check_fits(
    call: Call[Any, Any], sheet: Row, operator: str | None, config: dict[str, Any], inputs: int
) -> None:
    """Raises Refused 422 with the field."""
    if operator in TEMPLATES:
        await _check_template(call, TEMPLATES[operator], config, inputs)
    if operator == "spreadsheets.lookup":
        await _check_lookup(call, sheet, config)
    if operator in ONE_INPUT and inputs > 1:
        raise Refused(422, "inputs", "this operator reads exactly one column; name one", field="inputs")


async def _check_template(call: Call[Any, Any], name: str, config: dict[str, Any], inputs: int) -> None:
    places = template_of(config[name]).inputs
    if places and max(places) > inputs:
        raise Refused(
            422, "inputs", f"the place {{{max(places)}}} has no input; the column has {inputs}", field=f"config.{name}"
        )
    columns = await live_columns(call, call.asked.id)
    outputs = {what: UUID(str(column)) for what, column in config.get("outputs", {}).items()}
    reason = outputs_unfit(outputs, {each: row["operator"] for each, row in columns.items()})
    if reason is not None:
        raise Refused(422, "config", reason, field="config.outputs")


async def _check_lookup(call: Call[Any, Any], sheet: Row, config: dict[str, Any]) -> None:
    source_id = UUID(str(config["spreadsheet_id"]))
    source = await seen_sheet(call, source_id)
    if source["workspace_id"] != sheet["workspace_id"]:
        raise Refused(
            422,
            "other_workspace",
            "that sheet belongs to another workspace; look up in one of the same",
            field="config.spreadsheet_id",
        )
    columns = await live_columns(call, source_id)
    for name in ("match", "value"):
        if UUID(str(config[name])) not in columns:
            raise Refused(422, "unknown_column", "that sheet has no such column; read it again", field=f"config.{name}")
