"""A shape: which rows and columns of a table somebody follows. Pure values."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

Replica = Literal["default", "full"]
Log = Literal["full", "changes_only"]
ALIAS = "\x00"  # stands for the alias of the row in a condition; no text that a client sends may hold it


@dataclass(frozen=True, slots=True)
class Column:
    """One column as the client is told of it. `kind` is the type's own name, `told` what stands beside it."""

    name: str
    kind: str
    dims: int = 0
    not_null: bool = False
    key_index: int | None = None
    told: tuple[tuple[str, Any], ...] = ()

    @property
    def description(self) -> dict[str, Any]:
        """Its entry in the header electric-schema."""
        found: dict[str, Any] = {"type": self.kind, **dict(self.told)}
        if self.dims:
            found["dims"] = self.dims
        if self.not_null:
            found["not_null"] = True
        if self.key_index is not None:
            found["pk_index"] = self.key_index
        return found


@dataclass(frozen=True, slots=True)
class Layout:
    """A table as it is now. `digest` changes with everything a reader could notice."""

    rel: int
    schema: str
    table: str
    digest: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> tuple[Column, ...]:
        """The columns that name a row; of a table without a primary key all of them."""
        found = [each for each in self.columns if each.key_index is not None]
        return tuple(sorted(found, key=lambda each: each.key_index or 0)) or self.columns

    @property
    def full_name(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.table)}"

    @property
    def key_prefix(self) -> str:
        """How every key of the table begins."""
        return ".".join(f'"{part.replace("/", "//").replace(".", "..")}"' for part in (self.schema, self.table))

    def column(self, name: str) -> Column | None:
        return next((each for each in self.columns if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition: `sql` with ALIAS before each column, and the names it reads."""

    sql: str
    columns: frozenset[str] = field(default=frozenset(), compare=False)

    def on(self, alias: str) -> str:
        return self.sql.replace(ALIAS, alias)


@dataclass(frozen=True, slots=True)
class Definition:
    """What makes two requests ask for the same shape."""

    layout: Layout
    columns: tuple[Column, ...]
    where: Condition | None
    replica: Replica = "default"
    log: Log = "full"

    @property
    def digest(self) -> str:
        parts = (
            str(self.layout.rel),
            self.where.sql if self.where else "",
            "\x01".join(each.name for each in self.columns),
            self.replica,
            self.log,
        )
        return hashlib.sha256("\x02".join(parts).encode()).hexdigest()[:32]

    @property
    def key_places(self) -> tuple[int, ...]:
        """Where the key stands among the columns."""
        names = [each.name for each in self.columns]
        return tuple(names.index(each.name) for each in self.layout.key)


@dataclass(frozen=True, slots=True)
class Shape:
    """A definition that somebody follows: its handle and where its snapshot stands in the log."""

    handle: str
    definition: Definition
    snapshot_lsn: int
    waiting: tuple[int, ...]  # transactions that the snapshot shows and the log numbers later
    snapshot: str
    chunks: int
    row_count: int


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL of unknown type: PostgreSQL infers what it is from what it stands beside."""
    made = "'" + text.replace("'", "''") + "'"
    return f" E{made}".replace("\\", "\\\\") if "\\" in text else made
