"""Effects into arrays: several effects on one row become one write with a chained audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from core.db.statements import Statement
from core.effects import Effect, field_names
from core.queue.commit.faults import Poison

_SCALARS = (str, int, float, bool, bytes, UUID, datetime, date, Decimal)


@dataclass(slots=True)
class Author:
    """Who acts: a run, or a person's command. Exactly one side is set."""

    task_id: UUID | None = None
    run_no: int | None = None
    user_id: UUID | None = None
    command_id: UUID | None = None
    workspace_id: UUID | None = None


@dataclass(slots=True)
class Change:
    """One effect with the state it found: the row's columns before the batch, or after the batch's earlier effects."""

    effect: Effect
    author: Author
    before: Mapping[str, Any]


def fold(changes: Sequence[tuple[Effect, Author]], before: Mapping[str, Any]) -> list[Change]:
    """Chains the effects on one row in batch order: each finds what the one before it left. The last one is written."""
    chained: list[Change] = []
    for effect, author in changes:
        if chained:
            last = chained[-1].effect
            before = {**before, **{name: parameter(getattr(last, name)) for name in field_names(type(last))}}
        chained.append(Change(effect, author, before))
    return chained


def columns(statement: Statement, changes: Sequence[Change]) -> list[list[Any]]:
    """One array per parameter: a field of the effect, `before_<column>` of the locked row, or a name of the author."""
    fields = field_names(type(changes[0].effect))  # a writer has effects of one type
    return [_column(name, fields, changes) for name in statement.params]


def _column(name: str, fields: tuple[str, ...], changes: Sequence[Change]) -> list[Any]:
    if name in fields:
        return [parameter(getattr(change.effect, name)) for change in changes]
    if name.startswith("before_"):
        column = name.removeprefix("before_")
        return [change.before.get(column) for change in changes]
    return [getattr(change.author, name) for change in changes]


def parameter(item: Any) -> Any:
    """Scalars as they are; documents as JSON text, which is how jsonb travels here."""
    if item is None or isinstance(item, _SCALARS):
        return item
    return document(item)


def document(item: Any) -> str:
    """JSON text; other values inside as their own text. What even then cannot be written is its run's fault."""
    try:
        return orjson.dumps(item, default=str).decode()
    except orjson.JSONEncodeError as error:
        raise Poison(f"a document cannot be written as JSON: {error}") from error
