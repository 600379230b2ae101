"""What is fetched for a cell, and what becomes of its row: pure decisions around the one outside call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from core import Cancel, Done, Fail, Outcome, Retry, Row
from workers.spreadsheets.model import BeginFetch, Page, Pages, Part, SetCell
from workers.spreadsheets.rules.outputs import outputs_unfit
from workers.spreadsheets.rules.values import problem, storable

FETCH_PAGE: Final = "spreadsheets.fetch_page"
FOUND: Final = 200
TOO_MANY: Final = 429
UNAVAILABLE: Final = 503
SERVER_ERRORS: Final = 500
MAX_LINKS_TEXT: Final = 30_000  # characters
DEFAULT_PAUSE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One fetch: the address, and where the parts of its page go. `places` are cells, known once they exist."""

    cell_id: UUID
    address: str
    outputs: Mapping[Part, UUID]
    max_links: int
    places: Mapping[UUID, UUID]  # column -> cell

    def begun(self, at: datetime) -> BeginFetch:
        shown = {"fetching": self.address[:500], "since": at.isoformat()}
        return BeginFetch(self.cell_id, tuple(self.outputs.values()), shown)

    def cleared(self) -> list[SetCell]:
        return [SetCell(cell, None, None, "blank") for cell in map(self.places.get, self.outputs.values()) if cell]

    def with_places(self, row: Sequence[Row]) -> Plan:
        places = {each["column_id"]: each["cell_id"] for each in row if each["cell_id"]}
        return Plan(self.cell_id, self.address, self.outputs, self.max_links, places)


def planned(cell_id: UUID, columns: Sequence[Row], cells: Sequence[Row], row: Sequence[Row]) -> Plan | Outcome:
    """What to fetch, or what the cell becomes without a fetch. `row`: the columns of its sheet with its row's cells."""
    if not cells or not columns:
        return Cancel("the cell or its column is gone")
    if columns[0]["operator"] != FETCH_PAGE:
        return Cancel(f"column {columns[0]['title']!r} is no longer filled in by {FETCH_PAGE}")
    inputs = [cell["content"] for cell in cells if cell["ordinal"] > 0]
    config = _configured(columns[0]["config"], inputs, row)
    if isinstance(config, str):
        return Done([_error(cell_id, config, "")])
    plan = Plan(cell_id, (inputs[0] or "").strip(), config.outputs, config.max_links, {}).with_places(row)
    if not plan.address:
        return Done([SetCell(cell_id, None, None, "blank"), *plan.cleared()])
    return plan


def _configured(text: str, inputs: Sequence[str | None], row: Sequence[Row]) -> Pages | str:
    try:
        config = Pages.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        return f"The column's configuration does not fit: {where}: {first['msg']}; correct it."
    if len(inputs) != 1:
        return "The column needs exactly one input, the column with the addresses."
    operators = {each["column_id"]: each["operator"] for each in row}
    return outputs_unfit(config.outputs, operators) or config


def received(plan: Plan, page: Page, about: Mapping[str, Any]) -> Outcome:
    """The row after a fetch. `about`: status, url, at, what the receipt says."""
    texts: dict[Part, str | None] = {
        "title": page.title,
        "description": page.description,
        "text": page.text,
        "links": _listed(page.links),
    }
    filled = [
        SetCell(plan.places[column], text := storable(texts[part] or "") or None, None, "text" if text else "blank")
        for part, column in plan.outputs.items()
        if column in plan.places
    ]
    return Done([SetCell(plan.cell_id, "fetched", dict(about), "text"), *filled])


def _listed(links: Sequence[str]) -> str | None:
    """One link a line, as many as a cell may hold."""
    kept, size = [], 0
    for link in links:
        size += len(link) + 1
        if size > MAX_LINKS_TEXT:
            break
        kept.append(link)
    return "\n".join(kept) or None


def refused(plan: Plan, reason: str, about: Mapping[str, Any]) -> list[SetCell]:
    """The row without a page: the reason stands in the cell, the outputs are blank."""
    return [_error(plan.cell_id, reason, plan.address, about), *plan.cleared()]


def _error(cell_id: UUID, reason: str, address: str, about: Mapping[str, Any] | None = None) -> SetCell:
    sentence = reason[:1].upper() + reason[1:]
    value = problem(sentence if sentence.endswith(".") else f"{sentence}.", address)
    return SetCell(cell_id, None, {**(value.shown or {}), **(about or {})}, "error")


def answered(status: int) -> str | None:
    """What is wrong with a status; None for a page."""
    if status == FOUND:
        return None
    words = {404: ": the page does not exist", 410: ": the page is gone", 403: ": the page is closed to us"}
    return f"the server answers {status}{words.get(status, '')}"


def may_pass(status: int) -> bool:
    """Whether the same question may be answered better later."""
    return status >= SERVER_ERRORS or status in {408, 425, TOO_MANY}


def asks_for_mercy(status: int, retry_after_s: float | None) -> float | None:
    """Seconds for which the host wants to be left alone, by everybody."""
    if status == TOO_MANY or (status == UNAVAILABLE and retry_after_s is not None):
        return DEFAULT_PAUSE_S if retry_after_s is None else max(retry_after_s, 1.0)
    return None


def given_up(reason: str, attempts: int, max_attempts: int, after_s: float | None) -> Retry | Fail:
    """Another try, or the end; whoever gets Fail writes the reason into the cell before."""
    return Fail(reason) if attempts >= max_attempts else Retry(reason, after_s)
