"""Names of tables and columns as clients write them."""

from __future__ import annotations

import re
from typing import Final

from workers.turns.model.shapes import Column, Layout

_PART: Final = re.compile(r'"((?:[^"]|"")+)"|([^".,\s][^".,]*)')


class Unreadable(ValueError):
    """This is no name, or no list of names."""


def table_name(text: str) -> tuple[str, str]:
    """`turns`, `public.turns`, `"My Schema"."a.b"` -> schema and table. An unquoted name is lower-cased."""
    parts = _parts(text, ".")
    if len(parts) > 2:  # noqa: PLR2004 - schema and table
        raise Unreadable("this is no name of a table; write table, or schema.table")
    names = [name if is_quoted else name.lower() for name, is_quoted in parts]
    return (names[0], names[1]) if len(names) == 2 else ("public", names[0])  # noqa: PLR2004 - the same


def columns(text: str, layout: Layout) -> tuple[Column, ...]:
    """The columns of a list, in the order of the table. An unquoted name is looked for as it is, then lower-cased."""
    found = []
    for name, is_quoted in _parts(text, ","):
        column = layout.column(name) or (None if is_quoted else layout.column(name.lower()))
        if column is None:
            raise Unreadable(f"The following columns are not found on the table: {name}")
        found.append(column)
    missing = [each.name for each in layout.key if each not in found and each.key_index is not None]
    if missing:
        raise Unreadable(f"Must include all primary key columns, missing: {', '.join(missing)}")
    return tuple(each for each in layout.columns if each in found)


def _parts(text: str, separator: str) -> list[tuple[str, bool]]:
    found, at = [], 0
    while True:
        match = _PART.match(text, at)
        if match is None:
            raise Unreadable("Invalid zero-length delimited identifier" if not text.strip() else "this is no name")
        name, at = (match[1].replace('""', '"') if match[1] else match[2].strip()), match.end()
        found.append((name, match[1] is not None))
        if at == len(text):
            return found
        if text[at] != separator:
            raise Unreadable(f"unexpected {text[at]!r} behind a name")
        at += 1
        while separator == "," and at < len(text) and text[at] == " ":
            at += 1
