"""Effects: typed, frozen values that say what to write. Nothing here writes.

An effect class is a frozen dataclass. Its name in snake case is the name of its writer in the domain's
`queries.sql`; its fields are the writer's parameters, one array each. Class variables say what it aims at:

- `entity`  the locked kind of row; `queries.sql` has `<entity>.lock` (and `<entity>.versions` where it is read)
- `key`     the fields that identify the target row; empty for effects that only insert
- `folds`   several effects on one row of a batch become one write with a chained audit; False = the later run waits
- `bulk`    one statement that does large work: alone in its batch
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from core import storable

Key = Any  # one value, or a tuple where an effect has several key fields
Target = tuple[str, Key]


class Effect:
    """Base of all effects; subclasses are `@dataclass(frozen=True, slots=True)`."""

    __slots__ = ()
    entity: ClassVar[str | None] = None
    key: ClassVar[tuple[str, ...]] = ()
    folds: ClassVar[bool] = True
    bulk: ClassVar[bool] = False

    def target(self) -> Target | None:
        """The row this effect aims at, or None for a plain insert."""
        if self.entity is None or not self.key:
            return None
        if len(self.key) == 1:
            return self.entity, getattr(self, self.key[0])
        return self.entity, tuple(getattr(self, name) for name in self.key)


@dataclass(frozen=True, slots=True)
class Enqueue(Effect):
    """A new task, inserted in the commit of the task that asks for it (its `parent_id`)."""

    task_type: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 5
    scheduled_for: datetime | None = None
    dedupe_key: str | None = None
    concurrency_key: str | None = None
    max_attempts: int = 3


_writer_names: dict[type[Any], str] = {}
_field_names: dict[type[Any], tuple[str, ...]] = {}


def writer_name(effect_type: type[Any]) -> str:
    """`SetCell` -> `set_cell`."""
    if (known := _writer_names.get(effect_type)) is not None:
        return known
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", effect_type.__name__).lower()
    return _writer_names.setdefault(effect_type, name)


def field_names(effect_type: type[Any]) -> tuple[str, ...]:
    if (known := _field_names.get(effect_type)) is not None:
        return known
    return _field_names.setdefault(effect_type, tuple(each.name for each in dataclasses.fields(effect_type)))


def made_storable(effect: Effect) -> Effect:
    """The same effect with every field fit for PostgreSQL; raises Unstorable naming the field."""
    changed = {}
    for name in field_names(type(effect)):
        before = getattr(effect, name)
        if storable.is_plain(before) or isinstance(before, (UUID, datetime)):
            continue
        after = storable.value(before, f"{type(effect).__name__}.{name}")
        if after is not before and after != before:
            changed[name] = after
    return dataclasses.replace(effect, **changed) if changed else effect  # type: ignore[type-var]


def size_of(effect: Effect) -> int:
    """Rough size in bytes: what the batch caps count."""
    size = 64
    for name in field_names(type(effect)):
        item = getattr(effect, name)
        size += len(item) if type(item) is str else _size(item)
    return size


def _size(item: Any) -> int:
    if isinstance(item, str):
        return len(item)
    if item is None or isinstance(item, (int, float, UUID, datetime)):
        return 16
    if isinstance(item, Mapping):
        return sum(len(str(k)) + _size(v) for k, v in item.items())
    if isinstance(item, (list, tuple)):
        return sum(_size(v) for v in item)
    return 16
