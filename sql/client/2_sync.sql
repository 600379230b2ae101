-- What keeps local rows and the server's together, inside PGlite. The sync says what it writes in `electric.syncing`;
-- everything else is somebody's edit and is tracked. Our own settling says `rowmill.settling`.

create table if not exists sync_settings (
    one boolean primary key default true check (one),
    strategy text not null default 'user' check (strategy in ('local', 'remote', 'merge', 'user'))
);
insert into sync_settings default values on conflict do nothing;

-- How far each shape was narrowed, so that a reload follows the same rows.
create table if not exists sync_filters (
    name text primary key,
    params jsonb not null
);

-- The columns that are the server's and a person may change.
create or replace function sync_own(p_row jsonb) returns jsonb language sql immutable as $$
    select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(p_row) e
    where e.key not like '\_%'
      and e.key not in ('id', 'created_at', 'updated_at', 'version', 'created_by', 'updated_by')
$$;

-- All columns of the server.
create or replace function sync_server(p_row jsonb) returns jsonb language sql immutable as $$
    select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(p_row) e where e.key not like '\_%'
$$;

-- The server's row that local changes begin on: this one, unless some are there already. A row that is new here has none.
create or replace function sync_base(p_row jsonb) returns jsonb language sql immutable as $$
    select case when (p_row ->> '_new')::boolean then null
                when (p_row ->> '_synced')::boolean then sync_server(p_row)
                else coalesce(nullif(p_row -> '_base', 'null'), sync_server(p_row)) end
$$;

create or replace function sync_modified(p_row jsonb) returns text[] language sql immutable as $$
    select coalesce(array_agg(e.value), '{}') from jsonb_array_elements_text(
        case when jsonb_typeof(p_row -> '_modified_columns') = 'array' then p_row -> '_modified_columns' else '[]' end) e
$$;

create or replace function sync_null(p_value jsonb) returns jsonb language sql immutable as $$
    select case when p_value = 'null' then null else p_value end
$$;

-- A row with local changes on top of what the server has now. Three-way on `_base`, the server's row that the changes
-- began on: a column is a clash only where both sides changed it, to different values.
create or replace function sync_merge(p_row jsonb, p_remote jsonb, p_strategy text) returns jsonb language plpgsql as $$
declare
    v_base jsonb := coalesce(sync_null(p_row -> '_base'), '{}');
    v_asked jsonb := coalesce(sync_null(p_row -> '_conflict_data'), '{}');
    v_result jsonb := p_row || p_remote;
    v_left text[] := '{}';
    v_conflict jsonb := '{}';
    v_word text;
    v_name text;
begin
    foreach v_name in array sync_modified(p_row) loop
        if p_remote -> v_name = p_row -> v_name then
            continue;
        end if;
        if not v_asked ? v_name and v_base ? v_name and p_remote -> v_name = v_base -> v_name then
            v_left := v_left || v_name;
        elsif p_strategy = 'local' or (p_strategy = 'merge' and not v_asked ? v_name and p_row -> '_modified_at' ? v_name
                and (p_row -> '_modified_at' ->> v_name)::timestamptz > (p_remote ->> 'updated_at')::timestamptz) then
            v_left := v_left || v_name;
            v_word := case p_strategy when 'local' then 'local' else 'merged' end;
        elsif p_strategy = 'user' then
            v_left := v_left || v_name;
            v_conflict := v_conflict || jsonb_build_object(v_name, jsonb_build_object(
                'base', case when v_asked ? v_name then v_asked -> v_name -> 'base' else v_base -> v_name end,
                'local', p_row -> v_name, 'remote', p_remote -> v_name));
        else
            v_word := case p_strategy when 'remote' then 'remote' else 'merged' end;
        end if;
    end loop;
    foreach v_name in array v_left loop
        v_result := v_result || jsonb_build_object(v_name, p_row -> v_name);
    end loop;
    return v_result || jsonb_build_object(
        '_modified_columns', to_jsonb(v_left), '_base', p_remote, '_new', false, '_remote', null,
        '_synced', v_left = '{}' and not coalesce((p_row ->> '_deleted')::boolean, false),
        '_sync_error', case when v_left <> '{}' then p_row ->> '_sync_error' end,
        '_conflict_data', case when v_conflict <> '{}' then v_conflict end,
        '_conflict_resolution', case when v_conflict = '{}' then coalesce(v_word, p_row ->> '_conflict_resolution') end);
end $$;

-- Writes a row as it was settled.
create or replace function sync_put(p_table text, p_row jsonb) returns void language plpgsql as $$
begin
    perform set_config('rowmill.settling', 'on', true);
    execute format('delete from %I where id = ($1 ->> ''id'')::uuid', p_table) using p_row;
    execute format('insert into %I select (jsonb_populate_record(null::%I, $1)).*', p_table, p_table) using p_row;
    perform set_config('rowmill.settling', '', true);
end $$;

create or replace function sync_remove(p_table text, p_id uuid) returns void language plpgsql as $$
begin
    perform set_config('rowmill.settling', 'on', true);
    execute format('delete from %I where id = $1', p_table) using p_id;
    perform set_config('rowmill.settling', '', true);
end $$;

-- Writes what stays of a row; null = nothing does.
create or replace function sync_keep(p_table text, p_id uuid, p_row jsonb) returns void language plpgsql as $$
begin
    if p_row is null then
        perform sync_remove(p_table, p_id);
    else
        perform sync_put(p_table, p_row);
    end if;
end $$;

-- The server's row is gone. Returns what stays, or null.
create or replace function sync_gone(p_row jsonb, p_strategy text) returns jsonb language plpgsql as $$
begin
    if (p_row ->> '_deleted')::boolean or cardinality(sync_modified(p_row)) = 0 or p_strategy in ('remote', 'merge') then
        return null;
    end if;
    if p_strategy = 'local' then
        return p_row || jsonb_build_object('_new', true, '_base', null, '_synced', false, '_remote', null,
            '_conflict_resolution', 'local', '_conflict_data', null,
            '_modified_columns', (select jsonb_agg(e.key) from jsonb_each(sync_own(p_row)) e where e.value <> 'null'));
    end if;
    return p_row || jsonb_build_object('_remote', null, '_conflict_data',
        jsonb_build_object('_row', jsonb_build_object('base', 'there', 'local', 'changed', 'remote', null)));
end $$;

create or replace function sync_track() returns trigger language plpgsql as $$
declare
    v_syncing boolean := coalesce(current_setting('electric.syncing', true), '') = 'true';
    v_strategy text := (select s.strategy from sync_settings s);
    v_old jsonb;
    v_changed text[];
begin
    if coalesce(current_setting('rowmill.settling', true), '') = 'on' then
        return case when tg_op = 'DELETE' then old else new end;
    end if;
    if tg_op = 'INSERT' and not v_syncing then
        new._new := true;
        new._synced := false;
        new._local_modified_at := clock_timestamp();
        new._modified_columns := (select array_agg(e.key) from jsonb_each(sync_own(to_jsonb(new))) e where e.value <> 'null');
        new._modified_at := (select coalesce(jsonb_object_agg(m, clock_timestamp()), '{}')
                             from unnest(new._modified_columns) as m);
        return new;
    end if;
    if tg_op = 'INSERT' then  -- the server's echo of a row that is here already becomes an update
        execute format('select to_jsonb(t) from %I t where t.id = $1', tg_table_name) into v_old using new.id;
        if v_old is null then
            return new;
        end if;
        perform sync_arrived(tg_table_name, v_old, sync_server(to_jsonb(new)), v_strategy);
        return null;
    end if;
    v_old := to_jsonb(old);
    if tg_op = 'UPDATE' and v_syncing then
        if old._synced and old._operation is null then
            return new;
        end if;
        v_changed := array(select e.key from jsonb_each(sync_server(to_jsonb(new))) e where e.value <> v_old -> e.key);
        perform sync_arrived(tg_table_name, v_old,
            coalesce(sync_null(v_old -> '_remote'), sync_null(v_old -> '_base'), sync_server(v_old))
                || (select coalesce(jsonb_object_agg(c.name, to_jsonb(new) -> c.name), '{}') from unnest(v_changed) as c (name)),
            v_strategy);
        return null;
    end if;
    if tg_op = 'UPDATE' then
        v_changed := array(select e.key from jsonb_each(sync_own(to_jsonb(new))) e where e.value <> v_old -> e.key);
        if v_changed = '{}' then
            return new;
        end if;
        new._synced := false;
        new._sent_to_server := false;
        new._sync_error := null;
        new._local_modified_at := clock_timestamp();
        new._base := sync_base(v_old);
        new._modified_columns := array(select distinct u from unnest(coalesce(old._modified_columns, '{}') || v_changed) u);
        new._modified_at := old._modified_at
            || (select jsonb_object_agg(c.name, clock_timestamp()) from unnest(v_changed) as c (name));
        return new;
    end if;
    if not v_syncing then  -- a person deletes: the row waits for the server's answer, out of sight
        if old._new and old._operation is null then
            return old;
        end if;
        perform sync_put(tg_table_name, v_old || jsonb_build_object('_deleted', true, '_synced', false, '_sent_to_server', false,
            '_local_modified_at', clock_timestamp(), '_base', sync_base(v_old), '_sync_error', null, '_conflict_data', null));
        return null;
    end if;
    if old._synced and old._operation is null then
        return old;
    end if;
    if old._new then
        return null;  -- it was never there: a shape that starts anew does not take it away
    end if;
    if old._operation is not null then
        perform sync_put(tg_table_name, v_old || '{"_remote": false}');
        return null;
    end if;
    v_old := sync_gone(v_old, v_strategy);
    if v_old is null then
        return old;
    end if;
    perform sync_put(tg_table_name, v_old);
    return null;
end $$;

-- A row of the server that meets local changes. While an operation is on its way, it waits for the answer.
create or replace function sync_arrived(p_table text, p_row jsonb, p_remote jsonb, p_strategy text) returns void
language plpgsql as $$
begin
    if coalesce((p_remote ->> 'version')::integer, 0) < coalesce((sync_null(p_row -> '_base') ->> 'version')::integer, 0) then
        return;
    end if;
    if sync_null(p_row -> '_operation') is not null then
        perform sync_put(p_table, p_row || jsonb_build_object('_remote', p_remote));
    else
        perform sync_put(p_table, sync_rebase(p_row, p_remote, p_strategy));
    end if;
end $$;

-- Deleted here, and perhaps changed there since.
create or replace function sync_still_deleted(p_row jsonb, p_remote jsonb, p_strategy text) returns jsonb
language plpgsql as $$
begin
    if p_strategy = 'local' or sync_null(p_row -> '_base') ->> 'version' = p_remote ->> 'version' then
        return p_row || jsonb_build_object('_base', p_remote, '_remote', null);
    end if;
    if p_strategy = 'user' then
        return p_row || jsonb_build_object('_base', p_remote, '_remote', null, '_conflict_data',
            jsonb_build_object('_row', jsonb_build_object('base', 'there', 'local', null, 'remote', 'changed')));
    end if;
    return p_row || p_remote || jsonb_build_object('_deleted', false, '_synced', true, '_modified_columns', '[]'::jsonb,
        '_base', null, '_remote', null, '_sync_error', null, '_conflict_resolution', case p_strategy when 'remote' then 'remote' else 'merged' end);
end $$;

-- A row on top of what the server has now. Returns what stays, or null.
create or replace function sync_rebase(p_row jsonb, p_remote jsonb, p_strategy text) returns jsonb language sql as $$
    select case when p_remote is null then sync_gone(p_row, p_strategy)
                when (p_row ->> '_deleted')::boolean then sync_still_deleted(p_row, p_remote, p_strategy)
                else sync_merge(p_row, p_remote, p_strategy) end
$$;

-- The write queue ------------------------------------------------------------------------------------------------------

-- The operations of a table that are to be sent: those under way, and new ones of rows that were left alone for so long.
-- They are kept before they are sent, so that a reload sends the same ones again. A time that is still to come is of a
-- clock that was set back, and waits for nothing.
create or replace function sync_collect(p_table text, p_quiet interval) returns setof jsonb language plpgsql as $$
declare
    v_row jsonb;
    v_operation jsonb;
begin
    for v_row in execute format(
        'select to_jsonb(t) from %I t where not t._synced and t._conflict_data is null and t._sync_error is null '
        'and (t._operation is not null '
        'or t._local_modified_at not between clock_timestamp() - $1 and clock_timestamp() + interval ''1 second'') '
        'order by t._deleted, t._local_modified_at limit 100',
        p_table) using p_quiet
    loop
        v_operation := sync_null(v_row -> '_operation');
        if v_operation is null then
            v_operation := jsonb_build_object('operation_id', gen_random_uuid(), 'id', v_row -> 'id',
                'operation', case when (v_row ->> '_deleted')::boolean then 'delete' when (v_row ->> '_new')::boolean then 'insert'
                                  else 'update' end,
                'base_version', sync_null(v_row -> '_base') -> 'version',
                'values', case when (v_row ->> '_deleted')::boolean then '{}'::jsonb else
                    (select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(sync_own(v_row)) e
                     where e.key = any (sync_modified(v_row))) end);
            perform sync_put(p_table, v_row || jsonb_build_object('_operation', v_operation, '_sent_to_server', true,
                '_last_sync_attempt', clock_timestamp()));
        end if;
        return next v_operation;
    end loop;
end $$;

-- Settles the server's answer to an operation. Returns its status.
create or replace function sync_answered(p_table text, p_answer jsonb) returns text language plpgsql as $$
declare
    v_row jsonb;
    v_remote jsonb;
    v_sent jsonb;
    v_told jsonb;
    v_id uuid := (p_answer ->> 'id')::uuid;
    v_strategy text := (select s.strategy from sync_settings s);
begin
    execute format('select to_jsonb(t) from %I t where t.id = $1', p_table) into v_row using v_id;
    if v_row is null or v_row -> '_operation' -> 'operation_id' <> p_answer -> 'operation_id' then
        return 'known';
    end if;
    v_sent := v_row -> '_operation';
    v_told := v_row -> '_remote';
    v_row := v_row || '{"_operation": null, "_remote": null}';
    if p_answer ->> 'status' = 'refused' then
        if sync_null(v_told) is not null then  -- what the shape told meanwhile
            v_row := sync_rebase(v_row, nullif(v_told, 'false'), v_strategy);
        end if;
        if not (v_row ->> '_synced')::boolean then
            v_row := v_row || jsonb_build_object('_sent_to_server', false,
                '_sync_error', concat_ws(': ', p_answer ->> 'code', p_answer ->> 'reason'));
        end if;
        perform sync_keep(p_table, v_id, v_row);
        return 'refused';
    end if;
    if sync_null(p_answer -> 'row') is not null then
        execute format('select sync_server(to_jsonb(jsonb_populate_record(null::%I, $1)))', p_table)
            into v_remote using p_answer -> 'row';
        if p_answer ->> 'status' = 'applied' then
            v_row := v_row || jsonb_build_object('_base', v_remote, '_new', false, '_modified_columns', (
                select coalesce(jsonb_agg(m), '[]') from unnest(sync_modified(v_row)) as m
                where not v_sent -> 'values' ? m or v_row -> m <> v_sent -> 'values' -> m));
        end if;
        if jsonb_typeof(v_told) = 'object' and (v_told ->> 'version')::integer > (v_remote ->> 'version')::integer then
            v_remote := v_told;
        end if;
    end if;
    if v_told = 'false' then  -- the row went, or left the shape: what was not sent yet decides whether it stays here
        v_remote := null;
    end if;
    perform sync_keep(p_table, v_id, sync_rebase(v_row, v_remote, v_strategy));
    return p_answer ->> 'status';
end $$;

-- A person decides a conflict: 'local' or 'remote'.
create or replace function sync_resolve(p_table text, p_id uuid, p_by text) returns void language plpgsql as $$
declare
    v_row jsonb;
    v_clash jsonb;
    v_base jsonb;
begin
    execute format('select to_jsonb(t) from %I t where t.id = $1', p_table) into v_row using p_id;
    v_clash := sync_null(v_row -> '_conflict_data');
    v_base := coalesce(sync_null(v_row -> '_base'), '{}');
    if v_clash is null then
        return;
    end if;
    v_row := v_row || jsonb_build_object('_conflict_data', null, '_sync_error', null, '_conflict_resolution', p_by);
    if v_clash ? '_row' and v_clash -> '_row' -> 'remote' = 'null' then
        v_row := sync_gone(v_row, p_by);
    elsif v_clash ? '_row' and p_by = 'remote' then
        v_row := v_row || v_base || jsonb_build_object('_deleted', false, '_synced', true, '_base', null, '_modified_columns', '[]'::jsonb);
    elsif p_by = 'remote' then
        v_row := v_row || (select jsonb_object_agg(c.key, c.value -> 'remote') from jsonb_each(v_clash) c);
    end if;
    if not v_clash ? '_row' then
        v_row := v_row || jsonb_build_object('_modified_columns', (
            select coalesce(jsonb_agg(m), '[]') from unnest(sync_modified(v_row)) as m where v_row -> m <> v_base -> m));
        v_row := v_row || jsonb_build_object('_synced', v_row -> '_modified_columns' = '[]');
    end if;
    perform sync_keep(p_table, p_id, v_row);
end $$;

create or replace trigger properties_tracked before insert or update or delete on properties
for each row execute function sync_track();
create or replace trigger vendors_tracked before insert or update or delete on vendors
for each row execute function sync_track();
create or replace trigger turn_stages_tracked before insert or update or delete on turn_stages
for each row execute function sync_track();
create or replace trigger turns_tracked before insert or update or delete on turns
for each row execute function sync_track();
