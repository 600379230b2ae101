"""The local tables: the server's columns as text, the document's sync columns, triggers that track every local change.

The triggers hold whoever writes, plain SQL included. What the sync itself writes they leave alone: it says so in
`_sync_state`, inside its own transaction, as PGlite says it in `electric.syncing`.
"""

from __future__ import annotations

from collections.abc import Iterator

from workers.turns.client.model import KEPT, TABLES

NOW = "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"
SYNC_COLUMNS = f"""
    _synced integer not null default 1,
    _sent_to_server integer not null default 0,
    _deleted integer not null default 0,
    _new integer not null default 0,
    _modified_columns text not null default '[]',
    _local_modified_at text not null default ({NOW}),
    _conflict_resolution text,
    _conflict_data text,
    _sync_error text,
    _sync_retries integer not null default 0,
    _last_sync_attempt text,
    _modified_at text not null default '{{}}',
    _base text,
    _remote text,
    _operation text,
    _generation integer not null default 0"""

STATE = """
create table if not exists _sync_state (one integer primary key check (one = 1), syncing integer not null);
insert or ignore into _sync_state values (1, 0);
create table if not exists _shapes (
    name text primary key, table_name text not null, params text not null, handle text, offset text not null,
    generation integer not null, complete integer not null, duration real not null default 0,
    conflicts integer not null default 0, errors integer not null default 0, retries integer not null default 0
);
create table if not exists _operations (
    operation_id text primary key, table_name text not null, row_id text not null, kind text not null,
    base_version integer, row_values text not null, made_at text not null, sent integer not null default 0
);
create unique index if not exists _operations_row on _operations (table_name, row_id);
"""


def statements() -> Iterator[str]:
    """All of the schema, as scripts that may run again."""
    yield STATE
    for table, columns in TABLES.items():
        yield _table(table, columns)
        yield from _triggers(table, tuple(name for name in columns if name not in KEPT))


def _table(table: str, columns: tuple[str, ...]) -> str:
    own = ",\n".join(f"    {name} text{' primary key' if name == 'id' else ''}" for name in columns)
    return f"""
create table if not exists {table} (
{own},{SYNC_COLUMNS}
);
create index if not exists idx_{table}_synced on {table} (_synced);
create index if not exists idx_{table}_sent on {table} (_sent_to_server);
create index if not exists idx_{table}_unsynced on {table} (_synced) where _synced = 0;
create index if not exists idx_{table}_errors on {table} (_sync_error) where _sync_error is not null;
"""


def _triggers(table: str, columns: tuple[str, ...]) -> Iterator[str]:
    local = "(select syncing from _sync_state) = 0"
    changed = " union ".join(f"select '{name}' as value where new.{name} is not old.{name}" for name in columns)
    given = " union ".join(f"select '{name}' as value where new.{name} is not null" for name in columns)
    whole = ", ".join(f"'{name}', old.{name}" for name in TABLES[table])
    differs = " or ".join(f"new.{name} is not old.{name}" for name in columns)
    yield f"""
create trigger if not exists {table}_tracked after update of {", ".join(columns)} on {table}
when {local} and ({differs})
begin
    update {table} set
        _synced = 0, _sent_to_server = 0, _sync_error = null, _local_modified_at = {NOW},
        _base = coalesce(old._base, case when old._new = 0 then json_object({whole}) end),
        _modified_columns = (select json_group_array(value) from (
            select value from json_each(old._modified_columns) union {changed})),
        _modified_at = json_patch(old._modified_at, (select json_group_object(value, {NOW}) from ({changed})))
    where id = new.id;
end;
"""
    yield f"""
create trigger if not exists {table}_tracked_new after insert on {table} when {local}
begin
    update {table} set _synced = 0, _new = 1, _local_modified_at = {NOW},
        _modified_columns = (select json_group_array(value) from ({given})),
        _modified_at = (select json_group_object(value, {NOW}) from ({given}))
    where id = new.id;
end;
"""
    yield f"""
drop trigger if exists {table}_tracked_gone;  -- of older files; this one also sends what was refused or asked about
create trigger if not exists {table}_tracked_delete before delete on {table}
when {local} and not (old._new = 1 and old._operation is null)
begin
    update {table} set _deleted = 1, _synced = 0, _sent_to_server = 0, _local_modified_at = {NOW},
        _sync_error = null, _conflict_data = null,
        _base = coalesce(old._base, case when old._new = 0 then json_object({whole}) end)
    where id = old.id;
    select raise(ignore);
end;
"""
