"""SQL made for one definition: how its rows print, which of them match. Names are quoted, values are literals.

The comment in front names the table and its state: drivers keep plans by the text of a statement, and a plan for a
table that was altered or made anew would fail for ever.
"""

from __future__ import annotations

from workers.turns.model.shapes import Column, Definition, Layout, literal, quoted


def value(column: Column, alias: str) -> str:
    """One value as text. A char keeps its padding; json prints as the log keeps it."""
    name = f"{alias}.{quoted(column.name)}"
    if column.kind == "bpchar" and not column.dims:
        return f"case when {name} is not null then concat({name}) end"
    if column.kind == "json" and not column.dims:
        return f"to_jsonb({name})::text"
    return f"({name})::text"


def values(columns: tuple[Column, ...], alias: str) -> str:
    return f"array[{', '.join(value(each, alias) for each in columns)}]::text[]"


def state(layout: Layout) -> str:
    return f"/* {layout.rel} {layout.digest} */"


def matches(definition: Definition, alias: str) -> str:
    return definition.where.on(alias) if definition.where else "true"


def key(definition: Definition, alias: str) -> str:
    """The key of a row, as text."""
    parts = [
        f"coalesce('/\"' || replace({value(each, alias)}, '/', '//') || '\"', '/_')" for each in definition.layout.key
    ]
    return f"{literal(definition.layout.key_prefix)} || {' || '.join(parts)}"


def message(definition: Definition, alias: str, headers: str) -> str:
    """A whole message about a row, as JSON text; `headers` is JSON text."""
    names = ", ".join(literal(each.name) for each in definition.columns)
    document = f"json_object(array[{names}]::text[], {values(definition.columns, alias)})"
    return (
        f"json_build_object('key', {key(definition, alias)}, 'value', {document}, "
        f"'headers', {literal(headers)}::json)::text"
    )


def probe(definition: Definition) -> str:
    """Costs nothing and fails where a condition does not fit the table."""
    table = definition.layout.full_name
    return f"{state(definition.layout)} select from {table} r where {matches(definition, 'r')} limit 0"


def snapshot(definition: Definition, headers: str) -> str:
    """Puts all rows into chunks, inside the server. $1 the handle, $2 bytes of a chunk; tells how many rows."""
    return f"""{state(definition.layout)}
with printed as (
    select {message(definition, "r", headers)} as message
    from {definition.layout.full_name} r where {matches(definition, "r")}
), placed as (
    select p.message,
        (sum(octet_length(p.message)) over (rows unbounded preceding) - octet_length(p.message)) / $2::bigint as place
    from printed p
), numbered as (
    select p.message, dense_rank() over (order by p.place) - 1 as number from placed p
), kept as (
    insert into public.sync_chunks (handle, number, body)
    select $1::text, n.number, string_agg(n.message, ',') from numbered n group by n.number
    returning number
)
select (select count(*) from placed) as row_count, (select count(*) from kept) as chunks"""


def changes(definition: Definition) -> str:
    """What happened to the rows of a shape. $1 the table, $2 and $3 the span of numbers, $4 the place in the first one,
    $5 how many. A truncate has no rows and is always told."""
    schema_table = definition.layout.full_name
    return f"""{state(definition.layout)}
select f.lsn, f.pos, f.op, f.xact_id::text::bigint as xid,
    f.old_row is not null and coalesce(({matches(definition, "o")}), false) as was,
    f.new_row is not null and coalesce(({matches(definition, "n")}), false) as is_now,
    {key(definition, "o")} as old_key, {key(definition, "n")} as new_key,
    {values(definition.columns, "o")} as old_values, {values(definition.columns, "n")} as new_values
from (
    select c.* from public.sync_feed c
    where c.rel = $1::oid and c.lsn >= $2::bigint and (c.lsn, c.pos) > ($2::bigint, $4::integer) and c.lsn <= $3::bigint
    order by c.lsn, c.pos limit $5::integer
) f
cross join lateral jsonb_populate_record(null::{schema_table}, f.old_row) o
cross join lateral jsonb_populate_record(null::{schema_table}, f.new_row) n
order by f.lsn, f.pos"""


def subset(definition: Definition, headers: str, tail: str, narrowed: str) -> str:
    """Some rows of a shape, as messages. `tail` is order and limits, `narrowed` a checked condition."""
    return f"""{state(definition.layout)}
select {message(definition, "r", headers)} as message
from {definition.layout.full_name} r where ({matches(definition, "r")}) and ({narrowed}) {tail}"""


def row_by_id(layout: Layout) -> str:
    """One row as a JSON object of texts; $1 its id."""
    names = ", ".join(literal(each.name) for each in layout.columns)
    return (
        f"{state(layout)} select json_object(array[{names}]::text[], {values(layout.columns, 'r')})::text as row "
        f"from {layout.full_name} r where r.id = $1::uuid"
    )
