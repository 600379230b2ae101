"""Locks, compares and writes the rows that effects aim at, on one open transaction. For batches and commands alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from core.db.connect import Connection
from core.db.statements import Catalog, Statement
from core.effects import Effect, Target, writer_name
from core.queue.commit.changes import Author, Change, columns, fold
from core.queue.commit.faults import Poison


class Appeared(Exception):
    """Rows that were absent came to be meanwhile; their runs wait for the next batch."""

    def __init__(self, keys: set[Target]) -> None:
        super().__init__(str(keys))
        self.keys = keys


@dataclass(frozen=True, slots=True)
class Found:
    """A locked target row: its version and the columns an audit needs."""

    version: int
    before: dict[str, Any]


class Writes:
    """Locks, checks and writes of effects on one open transaction; shared by batches and commands."""

    def __init__(self, connection: Connection, catalog: Catalog) -> None:
        self._connection, self._catalog = connection, catalog

    async def lock(self, targets: set[Target], *, wait: bool = False) -> tuple[dict[Target, Found], dict[Target, str]]:
        """Locks these rows, entity by entity, in key order. Returns the rows held, and the locker of each that is not.

        Absent rows are in neither.
        """
        held: dict[Target, Found] = {}
        busy: dict[Target, str] = {}
        for entity, keys in self._by_entity(targets):
            statement = self._catalog[f"{entity}.lock"]
            sql = statement.waiting if wait else statement.sql
            for record in await self._connection.fetch(sql, *_key_columns(statement, keys)):
                row = dict(record)
                target = (entity, keys[row.pop("ord") - 1])
                locker = row.pop("locker", None)
                if row.pop("held"):
                    held[target] = Found(row.pop("version"), row)
                else:
                    busy[target] = str(locker or "")
        return held, busy

    async def versions(self, targets: set[Target]) -> dict[Target, int]:
        """The committed versions of these rows now; an absent row is version 0."""
        found = dict.fromkeys(targets, 0)
        for entity, keys in self._by_entity(targets):
            statement = self._catalog[f"{entity}.versions"]
            for record in await self._connection.fetch(statement.sql, *_key_columns(statement, keys)):
                found[entity, keys[record["ord"] - 1]] = record["version"]
        return found

    async def write(self, effects: Sequence[tuple[Effect, Author]], held: dict[Target, Found]) -> None:
        """All effects, one writer per type in declared order; equal targets folded, absent ones inserted."""
        by_type: dict[str, list[tuple[Effect, Author]]] = {}
        for effect, author in effects:
            by_type.setdefault(writer_name(type(effect)), []).append((effect, author))
        for name in sorted(by_type, key=self._position):
            await self._write_type(name, by_type[name], held)

    async def _write_type(self, name: str, effects: list[tuple[Effect, Author]], held: dict[Target, Found]) -> None:
        per_row: dict[Any, list[tuple[Effect, Author]]] = {}
        for index, (effect, author) in enumerate(effects):
            per_row.setdefault(effect.target() or index, []).append((effect, author))
        changes: list[Change] = []
        present: list[Change] = []
        absent: list[Change] = []
        for place, chain in per_row.items():
            found = held.get(place)
            chained = fold(chain, found.before if found else {})
            changes += chained
            (absent if isinstance(place, tuple) and found is None else present).append(chained[-1])
        if absent:
            await self._insert(name, absent)
        if present:
            await self._run(self._catalog[name], present)
        if f"{name}.audit" in self._catalog:
            await self._run(self._catalog[f"{name}.audit"], changes)

    async def _insert(self, name: str, absent: list[Change]) -> None:
        if f"{name}.insert" not in self._catalog:
            raise Poison(f"{name}: its row is gone; nothing was written")
        inserted = {row["ord"] for row in await self._run(self._catalog[f"{name}.insert"], absent)}
        missing = {change.effect.target() for at, change in enumerate(absent, 1) if at not in inserted}
        if missing:
            raise Appeared({target for target in missing if target is not None})

    async def _run(self, statement: Statement, changes: Sequence[Change]) -> list[asyncpg.Record]:
        return await self._connection.fetch(statement.sql, *columns(statement, changes))

    def _position(self, name: str) -> int:
        self._catalog[name]
        return list(self._catalog).index(name)

    def _by_entity(self, targets: set[Target]) -> list[tuple[str, list[Any]]]:
        keys: dict[str, list[Any]] = {}
        for entity, key in targets:
            keys.setdefault(entity, []).append(key)
        declared = [name.removesuffix(".lock") for name in self._catalog if name.endswith(".lock")]
        order = {entity: at for at, entity in enumerate(declared)}
        return sorted(keys.items(), key=lambda item: order.get(item[0], len(order)))


def _key_columns(statement: Statement, keys: list[Any]) -> list[list[Any]]:
    if len(statement.params) == 1:
        return [keys]
    return [[key[at] for key in keys] for at in range(len(statement.params))]
