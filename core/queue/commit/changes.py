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


@dataclass(frozen=True, slots=True)
class Author:
    """Who acts: a run, or a person's command. Exactly one side is set."""

    task_id: UUID | None = None
    run_no: int | None = None
    user_id: UUID | None = None
    command_id: UUID | None = None
    workspace_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One effect with the state it found: the row's columns before the batch, or after the batch's earlier effects."""

    effect: Effect
    author: Author
    before: Mapping[str, Any]


def fold(changes: Sequence[tuple[Effect, Author]], before: Mapping[str, Any]) -> list[Change]:
    """Chains the effects on one row in batch order: each finds what the one before it left. The last one is written."""
    chained: list[Change] = []
    current = dict(before)
    for effect, author in changes:
        chained.append(Change(effect, author, dict(current)))
        current |= {name: parameter(getattr(effect, name)) for name in field_names(type(effect))}
    return chained


def columns(statement: Statement, changes: Sequence[Change]) -> list[list[Any]]:
    """One array per parameter: a field of the effect, `before_<column>` of the locked row, or a name of the author."""
    return [[_value(change, name) for change in changes] for name in statement.params]


def _value(change: Change, name: str) -> Any:
    effect = change.effect
    if name in field_names(type(effect)):
        return parameter(getattr(effect, name))
    if name.startswith("before_"):
        return change.before.get(name.removeprefix("before_"))
    return getattr(change.author, name)


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
