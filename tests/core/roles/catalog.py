"""What the catalogs say about rights: one line per object, in the notation of the tables of test_matrix.py."""

from __future__ import annotations

from core.db.connect import Connection

ROLES = ("rowmill_producer", "rowmill_worker", "rowmill_monitor", "rowmill_admin", "public")

# Letters: select insert update delete truncate references trigger, usage, execute; s = select of some columns.
RELATIONS = """
with held as (
    select c.oid, coalesce(r.rolname, 'public') as role, a.privilege_type as verb
    from pg_class c
    cross join lateral aclexplode(coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char",
                                                                c.relowner))) a
    left join pg_roles r on r.oid = a.grantee
    where a.grantee <> c.relowner
), partly as (
    select t.attrelid as oid, coalesce(r.rolname, 'public') as role,
        case a.privilege_type when 'SELECT' then 's' else '?' end as letter
    from pg_attribute t
    cross join lateral aclexplode(t.attacl) a
    left join pg_roles r on r.oid = a.grantee
), letters as (
    select oid, role, case verb
        when 'SELECT' then 'S' when 'INSERT' then 'I' when 'UPDATE' then 'U' when 'DELETE' then 'D'
        when 'TRUNCATE' then 'T' when 'REFERENCES' then 'R' when 'TRIGGER' then 'G' when 'USAGE' then 'X'
        when 'MAINTAIN' then 'M' else '?' end as letter
    from held
    union select oid, role, letter from partly
)
select n.nspname || '.' || c.relname as object, l.role,
    string_agg(distinct l.letter, '' order by l.letter) filter (where l.letter is not null) as verbs
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join letters l on l.oid = c.oid and l.role = any ($1)
where n.nspname in ('public', 'rowmill', 'monitoring') and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
  and c.relname !~ '^toy_'
group by n.nspname, c.relname, l.role
"""

FUNCTIONS = """
select n.nspname || '.' || p.proname as object,
    case when a.grantee is not null then coalesce(r.rolname, 'public') end as role, 'X' as verbs
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
left join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a on a.grantee <> p.proowner
left join pg_roles r on r.oid = a.grantee
where n.nspname in ('public', 'rowmill', 'monitoring')
"""

DEFINERS = """
select p.oid::regprocedure::text as name,
    coalesce((select s from unnest(p.proconfig) s where s like 'search_path=%'), 'none') as path,
    exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
            where a.grantee = 0 and a.privilege_type = 'EXECUTE') as public
from pg_proc p
where p.prosecdef and p.pronamespace::regnamespace::text in ('public', 'rowmill', 'monitoring')
"""


async def matrix(db: Connection, query: str) -> dict[str, dict[str, str]]:
    """Object -> role -> letters, without empty cells."""
    found: dict[str, dict[str, str]] = {}
    for row in await (db.fetch(query, list(ROLES)) if "$1" in query else db.fetch(query)):
        cell = found.setdefault(row["object"], {})
        if row["role"] in ROLES and row["verbs"]:
            cell[row["role"]] = row["verbs"]
    return found


def written(text: str) -> dict[str, dict[str, str]]:
    """The same, from a table: the object, then one column for each of ROLES; `-` is nothing."""
    found = {}
    for line in text.strip().splitlines():
        name, *cells = line.split()
        found[name] = {role: cell for role, cell in zip(ROLES, cells, strict=True) if cell != "-"}
    return found


def as_table(found: dict[str, dict[str, str]]) -> str:
    lines = []
    for name in sorted(found):
        cells = "".join(f"{found[name].get(role, '-'):<9}" for role in ROLES)
        lines.append(f"{name:<43}{cells}".rstrip())
    return "\n".join(lines)
