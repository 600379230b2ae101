"""What a database consists of, as PostgreSQL itself writes it: comparable texts by name."""

from __future__ import annotations

from core.db.connect import Connection

Described = dict[str, str]

CODE = """
select 'function ' || p.oid::regprocedure as name, pg_get_functiondef(p.oid) as definition
from pg_proc p where p.pronamespace in ('public'::regnamespace, 'rowmill'::regnamespace)
union all
select 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass, pg_get_triggerdef(t.oid)
from pg_trigger t where not t.tgisinternal
union all
select 'view ' || c.oid::regclass, pg_get_viewdef(c.oid)
from pg_class c
where c.relkind = 'v'
  and c.relnamespace in ('public'::regnamespace, 'rowmill'::regnamespace, 'monitoring'::regnamespace)
"""

TABLES = """
with ours as (
    select c.oid from pg_class c
    where c.relkind = 'r' and c.relnamespace in ('public'::regnamespace, 'rowmill'::regnamespace)
      and c.relname <> 'alembic_version'
)
select 'column ' || a.attrelid::regclass || '.' || a.attname as name,
    concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
              pg_get_expr(d.adbin, d.adrelid)) as definition
from ours o
join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
union all
select 'constraint ' || k.conrelid::regclass || ' ' || k.conname, pg_get_constraintdef(k.oid)
from ours o join pg_constraint k on k.conrelid = o.oid
union all
select 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)
from ours o join pg_index i on i.indrelid = o.oid
"""


async def code_of(db: Connection) -> Described:
    """Functions, triggers and views."""
    return {row["name"]: row["definition"] for row in await db.fetch(CODE)}


async def tables_of(db: Connection) -> Described:
    """Columns, constraints and indexes."""
    return {row["name"]: row["definition"] for row in await db.fetch(TABLES)}


def differences(left: Described, right: Described) -> Described:
    """What only one side has, or both have differently."""
    names = sorted(left.keys() | right.keys())
    return {name: f"{left.get(name)} <> {right.get(name)}" for name in names if left.get(name) != right.get(name)}
