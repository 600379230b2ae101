"""What an API is asked for a row, and what becomes of its answer: pure decisions around the one outside call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from core import Done, Outcome, Row
from workers.spreadsheets.model import HttpJson, template_of
from workers.spreadsheets.rules.decisions import configured
from workers.spreadsheets.rules.outputs import Target, target_of, unfit

HTTP_JSON: Final = "spreadsheets.http_json"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: whom it is for, its address, and the paths that are looked for in the answer, the cell's own first."""

    target: Target
    address: str
    paths: tuple[str, ...]


def planned(cell_id: UUID, columns: Sequence[Row], cells: Sequence[Row], row: Sequence[Row]) -> Call | Outcome:
    """What to call, or what the cell becomes without a call."""
    target = target_of(HTTP_JSON, cell_id, columns, cells, row)
    if not isinstance(target, Target):
        return target
    config = configured(HttpJson, columns[0]["config"])
    if isinstance(config, str):
        return Done(target.wrong(config))
    template = template_of(config.url)
    if (reason := unfit(template.inputs, config.outputs, len(cells) - 1, row)) is not None:
        return Done(target.wrong(reason))
    target = replace(target, outputs=config.outputs)
    if target.is_blank:
        return Done(target.blank())
    address = template.filled(target.inputs, target.row, lambda text: quote(text.strip(), safe=""))
    return Call(target, address, (config.path, *config.outputs))


def received(call: Call, values: Sequence[Any], about: Mapping[str, Any]) -> Outcome:
    """`values`: what each path has found."""
    own, *others = values
    if own is None and not any(each is not None for each in others):
        return Done(call.target.wrong(f"the answer has nothing at {call.paths[0]}", about))
    return Done(call.target.right(own, dict(zip(call.target.outputs, others, strict=True)), about))
