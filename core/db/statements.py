"""SQL text with names, from `.sql` files. Nothing else in the project holds SQL for run time.

    -- name: set_cell            why it is so
    update cells c set content = e.content from unnest(:cell_id::uuid[], :content::text[]) as e(id, content) ...

`:name` parameters become `$1, $2 ...` in order of first appearance. A read that hands out `_target` and `_version`
names the entity its versions belong to: `-- name: cell_with_inputs reads cells`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import asyncpg

from core.db.connect import Connection
from core.errors import RowmillError

_NAME = re.compile(r"^-- name: (?P<name>[a-z_0-9.]+)(?: reads (?P<reads>[a-z_]+))?", re.MULTILINE)
_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|::|:(?P<param>[a-z_][a-z_0-9]*)")


class StatementMissing(RowmillError):
    """A name was used that no .sql file declares."""


@dataclass(frozen=True)
class Statement:
    """One named statement: `sql` with numbered parameters, `params` their names in order."""

    name: str
    sql: str
    params: tuple[str, ...]
    reads: str | None = None

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the parameters."""
        return [values[name] for name in self.params]

    async def fetch(self, connection: Connection, **values: Any) -> list[asyncpg.Record]:
        """Runs the statement on this connection."""
        return await connection.fetch(self.sql, *self.bind(values))

    @cached_property
    def waiting(self) -> str:
        """The same statement, waiting for locks instead of passing over locked rows."""
        return self.sql.replace("skip locked", "")


class Catalog(Mapping[str, Statement]):
    """Named statements in the order their files declare them."""

    def __init__(self, *files: Path) -> None:
        self._statements: dict[str, Statement] = {}
        for file in files:
            for statement in parse(file.read_text(encoding="utf-8")):
                if statement.name in self._statements:
                    raise RowmillError(f"{file.name} declares {statement.name!r} a second time; rename one of them")
                self._statements[statement.name] = statement

    def __getitem__(self, name: str) -> Statement:
        try:
            return self._statements[name]
        except KeyError:
            raise StatementMissing(f"no .sql file declares {name!r}; add a `-- name: {name}` section") from None

    def __contains__(self, name: object) -> bool:
        return name in self._statements

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


def parse(text: str) -> Iterator[Statement]:
    """The statements of one file; text before the first `-- name:` is its introduction."""
    marks = list(_NAME.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        body = text[text.index("\n", mark.end()) if "\n" in text[mark.end() :] else len(text) :]
        if following is not None:
            body = text[text.index("\n", mark.end()) : following.start()]
        yield _statement(mark["name"], body, mark["reads"])


def _statement(name: str, body: str, reads: str | None) -> Statement:
    params: list[str] = []

    def number(token: re.Match[str]) -> str:
        param = token["param"]
        if param is None:
            return "" if token[0].startswith("--") else token[0]
        if param not in params:
            params.append(param)
        return f"${params.index(param) + 1}"

    sql = _TOKEN.sub(number, body).strip().rstrip(";")
    return Statement(name, sql, tuple(params), reads)
