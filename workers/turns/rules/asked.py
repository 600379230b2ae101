"""A request for a shape, read from its query. What cannot be read is refused by the name of the parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from workers.turns.model.shapes import Layout, Log, Replica, quoted
from workers.turns.rules import offsets
from workers.turns.rules.offsets import Offset

_PARAM: Final = re.compile(r"params\[(\d{1,4})\]")
SUBSET: Final = ("where", "params", "limit", "offset", "order_by")
MOST_ROWS: Final = 100_000  # of one subset


class Invalid(ValueError):
    """`errors` says for each parameter what is wrong with it."""

    def __init__(self, **errors: str) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = {name: [told] for name, told in errors.items()}


@dataclass(frozen=True, slots=True)
class Subset:
    """Some rows of a shape, at once."""

    where: str | None = None
    params: Mapping[int, str] = field(default_factory=dict)
    limit: int | None = None
    offset: int | None = None
    order_by: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants."""

    table: str
    offset: Offset
    handle: str | None = None
    live: bool = False
    sse: bool = False
    cursor: str | None = None
    where: str | None = None
    params: Mapping[int, str] = field(default_factory=dict)
    columns: str | None = None
    replica: Replica = "default"
    log: Log = "full"
    subset: Subset | None = None

    @property
    def shape(self) -> tuple[object, ...]:
        """What the request says about the shape, and nothing about its place."""
        return (self.table, self.where, tuple(sorted(self.params.items())), self.columns, self.replica, self.log)


def of_query(query: Mapping[str, str], body: Mapping[str, Any] | None = None) -> Asked:
    """Raises Invalid. `body` is what a POST has sent: a subset."""
    if "\x00" in "".join(query.values()):
        raise Invalid(query="a parameter holds no NUL")
    if not query.get("table"):
        raise Invalid(table="can't be blank")
    offset = offsets.parsed(query["offset"]) if query.get("offset") else None
    subset = _subset(query, body)
    if offset is None and subset is not None and not query.get("offset"):
        offset = offsets.START
    if offset is None:
        raise Invalid(offset="has invalid format" if query.get("offset") else "can't be blank")
    live = query.get("live", "false") != "false"
    sse = "true" in {query.get("live_sse"), query.get("experimental_live_sse")}
    handle = query.get("handle") or None
    _check_place(offset, handle, live=live, sse=sse)
    return Asked(
        query["table"],
        offset,
        handle if offset.is_mid_air or subset else None,
        live,
        sse,
        query.get("cursor"),
        query.get("where") or None,
        _params(query),
        query.get("columns") or None,
        _one_of(query, "replica", "default", "full"),  # type: ignore[arg-type]
        _one_of(query, "log", "full", "changes_only"),  # type: ignore[arg-type]
        subset,
    )


def _check_place(offset: Offset, handle: str | None, *, live: bool, sse: bool) -> None:
    if offset.is_mid_air and handle is None:
        raise Invalid(handle="can't be blank when offset != -1")
    if live and not offset.is_mid_air:
        raise Invalid(live=f"can't be true when offset == {offset}")
    if sse and not live:
        raise Invalid(live_sse="can't be true unless live is also true")


def _one_of(query: Mapping[str, str], name: str, usual: str, other: str) -> str:
    value = query.get(name, usual)
    if value not in {usual, other}:
        raise Invalid(**{name: f"must be one of {usual}, {other}"})
    return value


def _params(query: Mapping[str, str]) -> dict[int, str]:
    found = {int(match[1]): query[name] for name in query if (match := _PARAM.fullmatch(name))}
    return found or _numbered(query.get("params"), "params")


def _numbered(given: object, name: str) -> dict[int, str]:
    """`{"1": "a"}` or `["a"]`, as JSON or as it is."""
    if isinstance(given, str) and given:
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            raise Invalid(**{name: "must be a JSON object of positions"}) from None
    if isinstance(given, list):
        given = {str(at): value for at, value in enumerate(given, start=1)}
    if not given:
        return {}
    if not isinstance(given, dict) or not all(key.isdecimal() and isinstance(each, str) for key, each in given.items()):
        raise Invalid(**{name: "must be texts by position"})
    return {int(key): each for key, each in given.items()}


def _subset(query: Mapping[str, str], body: Mapping[str, Any] | None) -> Subset | None:
    given: dict[str, Any] = {name: query[f"subset__{name}"] for name in SUBSET if f"subset__{name}" in query}
    if body is not None:
        inner = body.get("subset", body)
        given = {name: inner[name] for name in SUBSET if inner.get(name) is not None}
    elif not given:
        return None
    limit, offset = _count(given, "limit"), _count(given, "offset")
    if (limit is not None or offset is not None) and not given.get("order_by"):
        raise Invalid(subset="limit and offset need order_by")
    texts = {name: str(given[name]) for name in ("where", "order_by") if given.get(name)}
    return Subset(texts.get("where"), _numbered(given.get("params"), "subset"), limit, offset, texts.get("order_by"))


def _count(given: Mapping[str, Any], name: str) -> int | None:
    if name not in given:
        return None
    if not str(given[name]).isdecimal() or int(given[name]) > MOST_ROWS:
        raise Invalid(subset=f"{name} is a number up to {MOST_ROWS:,}")
    return int(given[name])


_ORDER: Final = re.compile(
    r'\s*(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<word>[A-Za-z_]\w*))(?P<way>\s+(?:asc|desc))?(?P<nulls>\s+nulls\s+(?:first|last))?\s*',
    re.IGNORECASE,
)


def order_by(text: str, layout: Layout, alias: str) -> str:
    """`amount desc nulls last, id` as checked SQL. Raises Invalid."""
    made = []
    for part in text.split(","):
        found = _ORDER.fullmatch(part)
        name = (found["quoted"] or found["word"]).replace('""', '"') if found else ""
        column = layout.column(name) or layout.column(name.lower())
        if found is None or column is None:
            raise Invalid(subset=f"cannot order by {part.strip()[:40]!r}; name a column, then asc or desc")
        way, nulls = (found[each] or "" for each in ("way", "nulls"))
        made.append(f"{alias}.{quoted(column.name)}{way}{nulls}")
    return ", ".join(made)
