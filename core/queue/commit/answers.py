"""What a command answers: kept with it, in its own transaction, so that a second try hears the very same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.effects import Effect, Key, Target, writer_name
from core.errors import CommandRefused
from core.queue.commit.changes import document


@dataclass(frozen=True, slots=True)
class Ask:
    """A named statement of the domain, run behind the writers of a command: its rows become part of the answer."""

    statement: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """Plain JSON, the same now and when it is replayed; only `written` tells a replay apart.

    versions  of every row the command aimed at, after it: entity -> key as text -> version (0: the row is absent)
    rows      what its `ask` returned
    """

    written: bool
    versions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Any]] = ()

    def version(self, target: Target) -> int:
        """The version of this row after the command."""
        entity, key = target
        return self.versions[entity][key_text(key)]


def key_text(key: Key) -> str:
    """A row's key as it stands in `Answer.versions`: a single value as its text, several as a JSON array."""
    return document(key) if isinstance(key, tuple) else str(key)


def answered(versions: Mapping[Target, int], rows: Iterable[Mapping[str, Any]]) -> str:
    """The answer as it is stored."""
    by_entity: dict[str, dict[str, int]] = {}
    for (entity, key), version in versions.items():
        by_entity.setdefault(entity, {})[key_text(key)] = version
    return document({"versions": by_entity, "rows": list(rows)})


def answer_of(stored: str | None, *, written: bool) -> Answer:
    """The answer as it is given. A command of before answers were kept has an empty one."""
    known = orjson.loads(stored) if stored else {}
    return Answer(written, known.get("versions", {}), tuple(known.get("rows", ())))


def digest(kind: str, effects: Sequence[Effect], seen: Mapping[Target, int], content: object = None) -> str:
    """What makes two commands the same: `content` where it is given, else the effects and the versions seen."""
    told = [[writer_name(type(effect)), effect] for effect in effects], sorted((str(t), v) for t, v in seen.items())
    try:
        text = orjson.dumps(
            (kind, told if content is None else content),
            default=str,
            option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
        )
    except orjson.JSONEncodeError as error:
        raise CommandRefused(f"the command cannot be written as JSON: {error}") from error
    return hashlib.sha256(text).hexdigest()
