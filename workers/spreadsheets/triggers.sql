-- What makes a sheet fill itself in. Whoever changes a cell, a column's configuration or its inputs, by whatever way,
-- enqueues the tasks of the cells that depend on it in the same transaction: nobody can forget it.

-- A version changes exactly when something changes that others read, and then the triggers below enqueue whoever read it:
-- a decision on an old version may be dropped as superseded only because its successor is certain. So a cell's version
-- follows its content alone, a column's its operator, configuration and inputs. An edit of the content by plain SQL
-- also drops what was shown for the old one. The committer brings its own versions, so this never runs for it.
create or replace function public.spreadsheets_new_cell_version() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    new.version := nextval('rowmill.version');
    new.updated_at := now();
    if new.formatted_content is not distinct from old.formatted_content then
        new.formatted_content := null;
        new.cell_type := 'text';
    end if;
    return new;
end $$;

create or replace trigger cells_versioned before update on public.cells
for each row when (new.content is distinct from old.content and new.version is not distinct from old.version)
execute function public.spreadsheets_new_cell_version();

create or replace function public.spreadsheets_new_column_version() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    new.version := nextval('rowmill.version');
    new.updated_at := now();
    return new;
end $$;

create or replace trigger sheet_columns_versioned before update on public.sheet_columns
for each row when ((new.operator, new.config) is distinct from (old.operator, old.config))
execute function public.spreadsheets_new_column_version();

-- Cells change under a shared lock of their sheet, operators and inputs of its columns under an exclusive one. An edit
-- and a new input that are committed at the same time do not see each other: without it neither would enqueue the cell
-- that depends on both, and it would stay old for ever. The statements after the lock have newer snapshots.
create or replace function public.spreadsheets_hold_sheets(p_sheets uuid[], p_alone boolean) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_key bigint;
begin
    for v_key in select distinct hashtextextended('spreadsheet:' || s, 0) from unnest(p_sheets) s order by 1 loop
        if p_alone then
            perform pg_advisory_xact_lock(v_key);
        else
            perform pg_advisory_xact_lock_shared(v_key);
        end if;
    end loop;
end $$;

-- One task per dependent cell. Its key makes it one run at a time; tasks of one key are folded when they are claimed,
-- never here: a task that is refused could be the only one that sees this change.
create or replace function public.spreadsheets_enqueue_cells(p_columns uuid[], p_rows integer[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
as $$
begin
    insert into public.cells (spreadsheet_id, column_id, row_number)
    select c.spreadsheet_id, c.id, w.row_number
    from unnest(p_columns, p_rows) as w (column_id, row_number)
    join public.sheet_columns c on c.id = w.column_id
    order by c.id, w.row_number
    on conflict do nothing;

    insert into public.task_queue (task_type, payload, concurrency_key, workspace_id)
    select c.operator, jsonb_build_object('cell_id', e.id), 'cell:' || e.id, s.workspace_id
    from unnest(p_columns, p_rows) as w (column_id, row_number)
    join public.sheet_columns c on c.id = w.column_id
    join public.spreadsheets s on s.id = c.spreadsheet_id
    join public.cells e
      on e.spreadsheet_id = c.spreadsheet_id and e.column_id = w.column_id and e.row_number = w.row_number
    where c.operator is not null and c.deleted_at is null and s.deleted_at is null;
end $$;

create or replace function public.spreadsheets_cells_changed() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_ids uuid[];
    v_columns uuid[];
    v_rows integer[];
    v_before text[];
begin
    if tg_op = 'INSERT' then
        select array_agg(n.id), array_agg(n.column_id), array_agg(n.row_number), array_agg(null::text)
        into v_ids, v_columns, v_rows, v_before
        from changed n where n.content is not null;
    else
        select array_agg(n.id), array_agg(n.column_id), array_agg(n.row_number), array_agg(o.content)
        into v_ids, v_columns, v_rows, v_before
        from changed n join was o on o.id = n.id
        where n.content is distinct from o.content;
    end if;
    if v_ids is null then
        return null;
    end if;
    perform public.spreadsheets_hold_sheets(array(select distinct n.spreadsheet_id from changed n), false);

    -- The committer and the import write their own audit, with their author.
    if current_setting('rowmill.committing', true) is distinct from 'on' then
        insert into public.cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, sql_user, old_content,
            new_content, edit_type)
        select n.id, n.spreadsheet_id, n.column_id, n.row_number, session_user, b.before, n.content, 'sql'
        from unnest(v_ids, v_before) as b (id, before)
        join changed n on n.id = b.id;
    end if;

    select array_agg(d.column_id), array_agg(d.row_number) into v_columns, v_rows
    from (select distinct i.column_id, w.row_number
          from unnest(v_columns, v_rows) as w (column_id, row_number)
          join public.column_inputs i on i.input_column_id = w.column_id) d;
    if v_columns is not null then
        perform public.spreadsheets_enqueue_cells(v_columns, v_rows);
    end if;
    return null;
end $$;

create or replace trigger cells_inserted after insert on public.cells
referencing new table as changed
for each statement execute function public.spreadsheets_cells_changed();

create or replace trigger cells_updated after update on public.cells
referencing old table as was new table as changed
for each statement execute function public.spreadsheets_cells_changed();

-- Deleting a cell by hand is an edit to nothing: it is audited, and what depended on it is computed anew.
create or replace function public.spreadsheets_cells_deleted() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_columns uuid[];
    v_rows integer[];
begin
    perform public.spreadsheets_hold_sheets(array(select distinct o.spreadsheet_id from was o), false);
    insert into public.cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, sql_user, old_content,
        new_content, edit_type)
    select o.id, o.spreadsheet_id, o.column_id, o.row_number, session_user, o.content, null, 'sql'
    from was o where o.content is not null;

    select array_agg(d.column_id), array_agg(d.row_number) into v_columns, v_rows
    from (select distinct i.column_id, o.row_number
          from was o
          join public.column_inputs i on i.input_column_id = o.column_id
          join public.sheet_columns c on c.id = i.column_id) d;
    if v_columns is not null then
        perform public.spreadsheets_enqueue_cells(v_columns, v_rows);
    end if;
    return null;
end $$;

create or replace trigger cells_deleted after delete on public.cells
referencing old table as was
for each statement execute function public.spreadsheets_cells_deleted();

-- A column whose operator, configuration or inputs change is computed anew: these are inputs too.
create or replace function public.spreadsheets_enqueue_columns(p_columns uuid[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_columns uuid[];
    v_rows integer[];
begin
    select array_agg(d.column_id), array_agg(d.row_number) into v_columns, v_rows
    from (select distinct c.id as column_id, e.row_number
          from public.sheet_columns c
          join public.column_inputs i on i.column_id = c.id
          join public.cells e on e.column_id = i.input_column_id
          where c.id = any (p_columns) and c.operator is not null and c.deleted_at is null
            and e.content is not null
          union
          select e.column_id, e.row_number from public.cells e
          where e.column_id = any (p_columns) and e.content is not null) d;
    if v_columns is not null then
        perform public.spreadsheets_enqueue_cells(v_columns, v_rows);
    end if;
end $$;

create or replace function public.spreadsheets_columns_changed() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_columns uuid[];
    v_sheets uuid[];
begin
    select array_agg(n.id), array_agg(distinct n.spreadsheet_id) into v_columns, v_sheets
    from changed n join was o on o.id = n.id
    where (n.operator, n.config) is distinct from (o.operator, o.config);
    if v_columns is not null then
        perform public.spreadsheets_hold_sheets(v_sheets, true);
        perform public.spreadsheets_enqueue_columns(v_columns);
    end if;
    return null;
end $$;

create or replace trigger sheet_columns_updated after update on public.sheet_columns
referencing old table as was new table as changed
for each statement execute function public.spreadsheets_columns_changed();

-- Inputs stay within one sheet and never lead back to their column. The sheet is held alone, so two sessions cannot
-- close a circle together.
create or replace function public.spreadsheets_check_inputs(p_columns uuid[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_title text;
begin
    select c.title into v_title
    from public.column_inputs i
    join public.sheet_columns c on c.id = i.column_id
    join public.sheet_columns n on n.id = i.input_column_id
    where i.column_id = any (p_columns) and n.spreadsheet_id <> c.spreadsheet_id
    limit 1;
    if found then
        raise exception 'column "%" has an input in another spreadsheet; choose inputs of the same sheet', v_title
            using errcode = '23514', constraint = 'column_inputs_same_sheet';
    end if;

    with recursive upstream as (
        select i.column_id as origin, i.input_column_id as column_id
        from public.column_inputs i where i.column_id = any (p_columns)
        union
        select u.origin, i.input_column_id
        from upstream u join public.column_inputs i on i.column_id = u.column_id
    )
    select c.title into v_title
    from upstream u join public.sheet_columns c on c.id = u.origin
    where u.column_id = u.origin
    limit 1;
    if found then
        raise exception 'column "%" would depend on itself; remove one of its inputs', v_title
            using errcode = '23514', constraint = 'column_inputs_no_cycle';
    end if;
end $$;

create or replace function public.spreadsheets_inputs_changed() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_columns uuid[] := array(select distinct n.column_id from changed n);
begin
    perform public.spreadsheets_hold_sheets(array(
        select distinct c.spreadsheet_id from public.sheet_columns c where c.id = any (v_columns)), true);
    if tg_op <> 'DELETE' then
        perform public.spreadsheets_check_inputs(v_columns);
    end if;
    update public.sheet_columns c set version = nextval('rowmill.version'), updated_at = now()
    where c.id = any (v_columns);
    perform public.spreadsheets_enqueue_columns(v_columns);
    return null;
end $$;

create or replace trigger column_inputs_inserted after insert on public.column_inputs
referencing new table as changed
for each statement execute function public.spreadsheets_inputs_changed();

create or replace trigger column_inputs_updated after update on public.column_inputs
referencing new table as changed
for each statement execute function public.spreadsheets_inputs_changed();

create or replace trigger column_inputs_deleted after delete on public.column_inputs
referencing old table as changed
for each statement execute function public.spreadsheets_inputs_changed();

-- What a person sees: stale is not stored, it is a live task on the cell's key.
create or replace view public.sheet_cells as
select c.id, c.spreadsheet_id, c.column_id, k.title, c.row_number, c.content, c.formatted_content, c.cell_type,
    c.version, c.updated_at,
    case
        when k.operator is not null and exists (
            select from public.task_queue t
            where t.concurrency_key = 'cell:' || c.id
              and (t.status = 'processing' and t.leader_id is null
                   or t.status = 'pending' and t.task_type = k.operator and t.concurrency_key >= '')) then 'stale'
        when c.cell_type = 'error' then 'error'
        when c.content is null then 'blank'
        else 'ok'
    end as state
from public.cells c
join public.sheet_columns k on k.id = c.column_id;
