-- What makes a sheet fill itself in. Whoever changes a cell, a column's configuration or its inputs, by whatever way,
-- enqueues the tasks of the cells that depend on it in the same transaction: nobody can forget it.

-- A version changes exactly when something changes that others read, and then the triggers below enqueue whoever read it:
-- a decision on an old version may be dropped as superseded only because its successor is certain. So a cell's version
-- follows its content alone, a column's its operator, configuration and inputs. An edit of the content by plain SQL
-- also drops what was shown for the old one. The committer brings its own versions, so this never runs for it.
-- A formula is a text that begins with = in a column of formulas; anywhere else such a text is a text.
create or replace function public.spreadsheets_is_formula(p_column_id uuid, p_content text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select coalesce(p_content like '=%', false) and exists (
        select from public.sheet_columns k where k.id = p_column_id and k.operator = 'spreadsheets.formula')
$$;

-- What others read of a cell: its content, of a formula what is shown. Nothing hangs on an error. (Without SET, so that it
-- is inlined; it names nothing that a search path could replace.)
create or replace function public.spreadsheets_read_value(p_content text, p_shown jsonb, p_type text,
    p_is_formula boolean) returns text
language sql immutable parallel safe
as $$
    select case when not p_is_formula then p_content when p_type = 'error' then null else p_shown ->> 'value' end
$$;

create or replace function public.spreadsheets_note_formula() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.is_formula := public.spreadsheets_is_formula(new.column_id, new.content);
    return new;
end $$;

create or replace trigger cells_formula_noted before insert on public.cells
for each row when (new.content like '=%')
execute function public.spreadsheets_note_formula();

create or replace function public.spreadsheets_new_cell_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.is_formula := coalesce(new.content like '=%', false)
        and public.spreadsheets_is_formula(new.column_id, new.content);
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
language plpgsql security definer set search_path = pg_catalog, pg_temp
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

-- Operators whose cells are filled in together, some hundred a task, where many of a column are to be computed at once.
create or replace function public.spreadsheets_filled_together() returns text[]
language sql immutable parallel safe
as $$ select array['spreadsheets.transform', 'spreadsheets.classify'] $$;

-- The keys of such tasks: so many of one column run at a time.
create or replace function public.spreadsheets_fill_lanes(p_column uuid) returns text[]
language sql immutable parallel safe
as $$
    select array['fill:' || p_column || ':0', 'fill:' || p_column || ':1', 'fill:' || p_column || ':2',
                 'fill:' || p_column || ':3', 'fill:' || p_column || ':4', 'fill:' || p_column || ':5',
                 'fill:' || p_column || ':6', 'fill:' || p_column || ':7']
$$;

-- Ids of the rows of one statement: of one moment and in order, so that they stand together in their index, and one random
-- number does for all of them.
create or replace function public.spreadsheets_nth_id(p_first uuid, p_nth bigint) returns uuid
language sql immutable parallel safe
as $$ select encode(overlay(uuid_send(p_first) placing int4send(p_nth::integer) from 13), 'hex')::uuid $$;

-- One task per dependent cell. Its key makes it one run at a time; tasks of one key are folded when they are claimed,
-- never here: a task that is refused could be the only one that sees this change. Many cells of one column are filled in
-- together; the task of a single cell waits while such a run holds its cell.
create or replace function public.spreadsheets_enqueue_cells(p_columns uuid[], p_rows integer[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
as $$
begin
    insert into public.cells (id, spreadsheet_id, column_id, row_number)
    select public.spreadsheets_nth_id(f.id, row_number() over (order by c.id, w.row_number)), c.spreadsheet_id, c.id,
        w.row_number
    from (select rowmill.uuid7() as id offset 0) f
    cross join unnest(p_columns, p_rows) as w (column_id, row_number)
    join public.sheet_columns c on c.id = w.column_id
    order by c.id, w.row_number
    on conflict do nothing;

    with wanted as (
        select c.operator, e.id, c.id as column_id, s.workspace_id,
            case when c.operator = any (public.spreadsheets_filled_together())
                      and count(*) over (partition by c.id) >= 200
                 then (row_number() over (partition by c.id order by w.row_number) - 1) / 500 end as piece
        from unnest(p_columns, p_rows) as w (column_id, row_number)
        join public.sheet_columns c on c.id = w.column_id
        join public.spreadsheets s on s.id = c.spreadsheet_id
        cross join lateral (  -- a probe per cell: where nothing is known of a new table, a join reads its whole sheet for each
            select e.id from public.cells e
            where e.spreadsheet_id = c.spreadsheet_id and e.column_id = w.column_id and e.row_number = w.row_number
            limit 1) e
        where c.operator is not null and c.operator not in ('spreadsheets.formula', 'spreadsheets.lookup')
          and c.deleted_at is null and s.deleted_at is null
    )
    insert into public.task_queue (task_type, payload, concurrency_key, workspace_id)
    select w.operator, jsonb_build_object('cell_id', w.id), 'cell:' || w.id, w.workspace_id
    from wanted w where w.piece is null
    union all
    select 'spreadsheets.fill_cells', jsonb_build_object('column_id', w.column_id, 'cell_ids', jsonb_agg(w.id)),
        (public.spreadsheets_fill_lanes(w.column_id))[1 + w.piece % 8], w.workspace_id
    from wanted w where w.piece is not null
    group by w.column_id, w.workspace_id, w.piece;
end $$;

-- Formulas are computed sheet by sheet: one task, whatever was edited. Its key makes it one run at a time, and what comes
-- meanwhile is folded into the next.
create or replace function public.spreadsheets_enqueue_formulas(p_sheets uuid[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    insert into public.task_queue (task_type, payload, concurrency_key, workspace_id)
    select 'spreadsheets.formula', jsonb_build_object('spreadsheet_id', s.id), 'sheet:' || s.id, s.workspace_id
    from public.spreadsheets s
    where s.id = any (p_sheets) and s.deleted_at is null and exists (
        select from public.sheet_columns k
        where k.spreadsheet_id = s.id and k.deleted_at is null and k.operator = 'spreadsheets.formula')
$$;

-- Whether rows are being moved as a whole: no content changes, and whoever moves them sees to the audit. Only who may write
-- audit is believed.
create or replace function public.spreadsheets_is_moving() returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select coalesce(current_setting('rowmill.moving_rows', true), '') = 'on'
        and has_table_privilege(session_user, 'public.cell_edit_events', 'insert')
$$;

-- Lookups are computed column by column, after every change of what they look for or of what they look in. One task, which
-- reads after the change is committed; its key makes it one run at a time, and what comes meanwhile is folded into the next.
create or replace function public.spreadsheets_enqueue_lookups(p_changed uuid[], p_own uuid[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    insert into public.task_queue (task_type, payload, concurrency_key, workspace_id)
    select 'spreadsheets.lookup', jsonb_build_object('column_id', k.id), 'column:' || k.id, s.workspace_id
    from (select l.id from public.sheet_columns l
          where l.operator = 'spreadsheets.lookup' and l.deleted_at is null
            and lower(l.config ->> 'match') = any (p_changed::text[])
          union
          select l.id from public.sheet_columns l
          where l.operator = 'spreadsheets.lookup' and l.deleted_at is null
            and lower(l.config ->> 'value') = any (p_changed::text[])
          union
          select i.column_id from public.column_inputs i where i.input_column_id = any (p_changed)
          union
          select * from unnest(p_own)) d
    join public.sheet_columns k on k.id = d.id and k.operator = 'spreadsheets.lookup' and k.deleted_at is null
    join public.spreadsheets s on s.id = k.spreadsheet_id and s.deleted_at is null
$$;

-- What joins the rows of the statement is planned for each statement (execute): a kept plan, made for a statement of one
-- row, compares every row with every other.
create or replace function public.spreadsheets_cells_changed() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_ids uuid[];
    v_before text[];
    v_sheets uuid[];
    v_columns uuid[];
    v_rows integer[];
begin
    if tg_op = 'UPDATE' and public.spreadsheets_is_moving() then
        return null;
    end if;
    if tg_op = 'INSERT' then
        select array_agg(n.id), array_agg(null::text), array_agg(distinct n.spreadsheet_id)
        into v_ids, v_before, v_sheets
        from changed n where n.content is not null;
        select array_agg(n.column_id), array_agg(n.row_number) into v_columns, v_rows
        from changed n
        where public.spreadsheets_read_value(n.content, n.formatted_content, n.cell_type, n.is_formula) is not null;
    else
        execute $pairs$
            select array_agg(p.id) filter (where p.edited), array_agg(p.before) filter (where p.edited),
                array_agg(distinct p.spreadsheet_id) filter (where p.edited),
                array_agg(p.column_id) filter (where p.reads_new), array_agg(p.row_number) filter (where p.reads_new)
            from (
                select n.id, n.spreadsheet_id, n.column_id, n.row_number, o.content as before,
                    n.content is distinct from o.content as edited,
                    public.spreadsheets_read_value(n.content, n.formatted_content, n.cell_type, n.is_formula)
                        is distinct from
                        public.spreadsheets_read_value(o.content, o.formatted_content, o.cell_type, o.is_formula)
                        as reads_new
                from changed n join was o on o.id = n.id) p
            $pairs$ into v_ids, v_before, v_sheets, v_columns, v_rows;
    end if;
    if v_ids is null and v_columns is null then
        return null;
    end if;
    perform public.spreadsheets_hold_sheets(array(select distinct n.spreadsheet_id from changed n), false);

    -- The committer and the import write their own audit, with their author. Only who may write audit is believed.
    if current_setting('rowmill.committing', true) is distinct from 'on'
       or not has_table_privilege(session_user, 'public.cell_edit_events', 'insert')
    then
        execute $audit$
            insert into public.cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, sql_user, old_content,
                new_content, edit_type)
            select n.id, n.spreadsheet_id, n.column_id, n.row_number, session_user, b.before, n.content, 'sql'
            from unnest($1, $2) as b (id, before)
            join changed n on n.id = b.id
            $audit$ using v_ids, v_before;
    end if;

    if v_columns is not null then
        perform public.spreadsheets_enqueue_lookups(array(select distinct w.* from unnest(v_columns) w), null);
        select array_agg(d.column_id), array_agg(d.row_number) into v_columns, v_rows
        from (select distinct i.column_id, w.row_number
              from unnest(v_columns, v_rows) as w (column_id, row_number)
              join public.column_inputs i on i.input_column_id = w.column_id
              join public.sheet_columns k on k.id = i.column_id and k.config ->> 'run' is distinct from 'asked') d;
        if v_columns is not null then
            perform public.spreadsheets_enqueue_cells(v_columns, v_rows);
        end if;
    end if;
    if v_sheets is not null then  -- an edit; what formulas show is none, so they never enqueue themselves
        perform public.spreadsheets_enqueue_formulas(v_sheets);
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
    if public.spreadsheets_is_moving() then
        return null;
    end if;
    perform public.spreadsheets_hold_sheets(array(select distinct o.spreadsheet_id from was o), false);
    insert into public.cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, sql_user, old_content,
        new_content, edit_type)
    select o.id, o.spreadsheet_id, o.column_id, o.row_number, session_user, o.content, null, 'sql'
    from was o where o.content is not null;

    select array_agg(d.column_id), array_agg(d.row_number) into v_columns, v_rows
    from (select distinct i.column_id, o.row_number
          from was o
          join public.column_inputs i on i.input_column_id = o.column_id
          join public.sheet_columns c on c.id = i.column_id and c.config ->> 'run' is distinct from 'asked') d;
    if v_columns is not null then
        perform public.spreadsheets_enqueue_cells(v_columns, v_rows);
    end if;
    perform public.spreadsheets_enqueue_lookups(array(select distinct o.column_id from was o), null);
    perform public.spreadsheets_enqueue_formulas(array(
        select distinct o.spreadsheet_id from was o where o.content is not null));
    return null;
end $$;

create or replace trigger cells_deleted after delete on public.cells
referencing old table as was
for each statement execute function public.spreadsheets_cells_deleted();

-- A column whose operator, configuration or inputs change is computed anew: these are inputs too. One that runs only when
-- somebody asks for it (`run`: asked) waits for that.
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
            and c.operator <> 'spreadsheets.lookup' and c.config ->> 'run' is distinct from 'asked'
            and (e.content is not null or e.is_formula)
          union
          select e.column_id, e.row_number
          from public.cells e
          join public.sheet_columns c on c.id = e.column_id
          where c.id = any (p_columns) and c.operator is distinct from 'spreadsheets.lookup'
            and c.config ->> 'run' is distinct from 'asked' and e.content is not null) d;
    if v_columns is not null then
        perform public.spreadsheets_enqueue_cells(v_columns, v_rows);
    end if;
    perform public.spreadsheets_enqueue_lookups(null, p_columns);
end $$;

-- Texts that begin with = become formulas, or texts again, with the operator of their column.
create or replace function public.spreadsheets_turn_formulas(p_columns uuid[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    update public.cells c
    set is_formula = public.spreadsheets_is_formula(c.column_id, c.content), formatted_content = null,
        cell_type = 'text', version = nextval('rowmill.version'), updated_at = now()
    where c.column_id = any (p_columns) and (c.is_formula or c.content like '=%')
$$;

-- The sheets that columns of lookups look in: a change there and a new lookup must not miss each other. Circles over several
-- sheets are closed by one session at a time.
create or replace function public.spreadsheets_looked_up(p_columns uuid[]) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_sheets uuid[] := array(
        select n.spreadsheet_id
        from public.sheet_columns k
        join public.sheet_columns n on n.id::text in (lower(k.config ->> 'match'), lower(k.config ->> 'value'))
        where k.id = any (p_columns) and k.operator = 'spreadsheets.lookup');
begin
    if cardinality(v_sheets) > 0 then
        perform pg_advisory_xact_lock(hashtextextended('spreadsheets:lookups', 0));
    end if;
    return v_sheets;
end $$;

create or replace function public.spreadsheets_columns_changed() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_columns uuid[];
    v_sheets uuid[];
    v_turned uuid[];
begin
    select array_agg(n.id), array_agg(distinct n.spreadsheet_id),
        array_agg(n.id) filter (where 'spreadsheets.formula' in (n.operator, o.operator)
            and n.operator is distinct from o.operator)
    into v_columns, v_sheets, v_turned
    from changed n join was o on o.id = n.id
    where (n.operator, n.config) is distinct from (o.operator, o.config);
    if v_columns is not null then
        perform public.spreadsheets_hold_sheets(v_sheets || public.spreadsheets_looked_up(v_columns), true);
        perform public.spreadsheets_check_inputs(v_columns);
        perform public.spreadsheets_turn_formulas(v_turned);
        perform public.spreadsheets_enqueue_columns(v_columns);
    end if;
    perform public.spreadsheets_enqueue_lookups(array(
        select n.id from changed n join was o on o.id = n.id where n.deleted_at is distinct from o.deleted_at), null);
    perform public.spreadsheets_enqueue_formulas(array(
        select distinct n.spreadsheet_id from changed n join was o on o.id = n.id
        where (n.operator, n.config, n.position, n.deleted_at)
            is distinct from (o.operator, o.config, o.position, o.deleted_at)));
    return null;
end $$;

create or replace trigger sheet_columns_updated after update on public.sheet_columns
referencing old table as was new table as changed
for each statement execute function public.spreadsheets_columns_changed();

-- What a column hangs on: its inputs, what it looks up in, the column whose calls are written into it. A formula of another
-- sheet than the one we come from may hang on every lookup there: its text alone knows.
create or replace function public.spreadsheets_reads_of(p_column uuid, p_from uuid) returns table (column_id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select i.input_column_id from public.column_inputs i where i.column_id = p_column
    union
    select n.id
    from public.sheet_columns k
    join public.sheet_columns n on n.id::text in (lower(k.config ->> 'match'), lower(k.config ->> 'value'))
    where k.id = p_column and k.operator = 'spreadsheets.lookup'
    union
    select f.id
    from public.sheet_columns o
    join public.sheet_columns f on f.spreadsheet_id = o.spreadsheet_id and f.deleted_at is null
    cross join lateral jsonb_each_text(
        case when jsonb_typeof(f.config -> 'outputs') = 'object' then f.config -> 'outputs' else '{}' end) p
    where o.id = p_column and o.id::text = lower(p.value)
    union
    select l.id
    from public.sheet_columns f
    join public.sheet_columns l on l.spreadsheet_id = f.spreadsheet_id and l.operator = 'spreadsheets.lookup'
        and l.deleted_at is null
    where f.id = p_column and f.operator = 'spreadsheets.formula' and f.spreadsheet_id <> p_from
$$;

-- Inputs stay within one sheet and never lead back to their column, and a column that a page is written into depends on
-- the column that fetches it. The sheet is held alone, so two sessions cannot close a circle together.
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
        select c.id as origin, c.spreadsheet_id as origin_sheet, e.column_id
        from public.sheet_columns c cross join lateral public.spreadsheets_reads_of(c.id, c.spreadsheet_id) e
        where c.id = any (p_columns)
        union
        select u.origin, u.origin_sheet, e.column_id
        from upstream u cross join lateral public.spreadsheets_reads_of(u.column_id, u.origin_sheet) e
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
    perform public.spreadsheets_enqueue_formulas(array(
        select distinct c.spreadsheet_id from public.sheet_columns c where c.id = any (v_columns)));
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

create or replace trigger cell_edit_events_kept
before update or delete or truncate on public.cell_edit_events
for each statement execute function rowmill.keep_audit();

-- What a person sees: stale is not stored, it is a live task on the cell's key. It looks at the queue as its owner, so it
-- makes the cells' row policy its own; the barrier keeps a caller's functions behind that.
create or replace view public.sheet_cells with (security_barrier) as
select c.id, c.spreadsheet_id, c.column_id, k.title, c.row_number, c.content, c.formatted_content, c.cell_type,
    c.version, c.updated_at,
    case
        when k.operator is not null and exists (
            select from public.task_queue t
            where t.concurrency_key = case k.operator when 'spreadsheets.formula' then 'sheet:' || c.spreadsheet_id
                                                      when 'spreadsheets.lookup' then 'column:' || k.id
                                                      else 'cell:' || c.id end
              and (t.status = 'processing' and t.leader_id is null
                   or t.status = 'pending' and t.task_type = k.operator and t.crashes < 2 and t.concurrency_key >= ''
                   or t.status = 'pending' and t.task_type = k.operator and t.crashes >= 2)) then 'stale'
        when f.filling then 'stale'
        when c.cell_type = 'error' then 'error'
        when c.content is null and not c.is_formula then 'blank'
        else 'ok'
    end as state,
    c.is_formula
from public.cells c
join public.sheet_columns k on k.id = c.column_id
left join lateral (  -- once for a column, not for each of its cells
    select true as filling
    where k.operator = any (public.spreadsheets_filled_together()) and exists (
        select from public.task_queue t
        where t.concurrency_key = any (public.spreadsheets_fill_lanes(k.id))
          and (t.status = 'processing' and t.leader_id is null
               or t.status = 'pending' and t.task_type = 'spreadsheets.fill_cells' and t.crashes < 2
                  and t.concurrency_key >= ''
               or t.status = 'pending' and t.task_type = 'spreadsheets.fill_cells' and t.crashes >= 2))
    limit 1) f on true
where not (select row_security_active('public.cells'::regclass))
   or exists (select from public.spreadsheets s
              where s.id = c.spreadsheet_id and s.workspace_id = rowmill.current_workspace());

-- --- the shape of a sheet --------------------------------------------------------------------------------------------

-- A deletion that has become old cannot be brought back any more: all of its cells go together, or none. The history of cells
-- is audit and stays.
create or replace function public.spreadsheets_retain_removed(p_from uuid, p_limit integer, p_days double precision,
    p_now timestamptz, out busy boolean, out walked_to uuid, out deleted integer)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    v_before timestamptz := rowmill.retain_before(p_days, p_now);
begin
    deleted := 0;
    busy := not pg_try_advisory_xact_lock(hashtextextended('rowmill.retain', 7));
    if busy or v_before is null then
        walked_to := case when busy then p_from end;
        return;
    end if;
    select r.event_id into walked_to from public.removed_cells r
    where r.event_id > (select n.event_id from public.removed_cells n where n.event_id >= p_from
                        order by n.event_id offset p_limit - 1 limit 1)
    order by r.event_id limit 1;
    delete from public.removed_cells r using public.sheet_edit_events s
    where r.event_id >= p_from and (walked_to is null or r.event_id < walked_to)
      and s.id = r.event_id and s.created_at < v_before;
    get diagnostics deleted = row_count;
end $$;

-- Answers of language models are kept so that the same question costs nothing; after that it is asked anew.
create or replace function public.spreadsheets_retain_answers(p_limit integer, p_days double precision,
    p_now timestamptz) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    v_before timestamptz := rowmill.retain_before(p_days, p_now);
    v_deleted integer;
begin
    with old as (
        select a.workspace_id, a.prompt_hash from public.language_answers a
        where a.created_at < v_before order by a.created_at limit p_limit
        for update skip locked
    )
    delete from public.language_answers a using old o
    where a.workspace_id = o.workspace_id and a.prompt_hash = o.prompt_hash;
    get diagnostics v_deleted = row_count;
    return v_deleted;
end $$;

-- The columns keep the positions they have together; who stands where changes.
create or replace function public.spreadsheets_move_column(p_sheet uuid, p_column uuid, p_before uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_ids uuid[];
    v_positions integer[];
begin
    select array_agg(k.position order by k.position) into v_positions
    from public.sheet_columns k where k.spreadsheet_id = p_sheet and k.deleted_at is null;
    select array_agg(k.id order by k.place, k.is_moved desc) into v_ids
    from (select c.id, c.id = p_column as is_moved,
              case when c.id <> p_column then c.position
                   else coalesce((select b.position from public.sheet_columns b where b.id = p_before), 2147483647) end
                   as place
          from public.sheet_columns c where c.spreadsheet_id = p_sheet and c.deleted_at is null) k;
    update public.sheet_columns k set position = -e.position
    from unnest(v_ids, v_positions) as e (id, position) where k.id = e.id and k.position <> e.position;
    update public.sheet_columns k set position = -k.position, updated_at = now()
    where k.spreadsheet_id = p_sheet and k.position < 0;
end $$;

-- Moves blocks of rows, each by its own distance, as one set. Twice, as no two cells may stand in one place even for a
-- moment. The sheet is held alone: nobody writes a cell by a place that is just being given to another.
create or replace function public.spreadsheets_renumber_rows(p_sheet uuid, p_first integer[], p_last integer[],
    p_by integer[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    c_aside constant integer := 1000000000;
    v_columns uuid[] := array(select k.id from public.sheet_columns k where k.spreadsheet_id = p_sheet);
    v_cells bigint;
begin
    perform public.spreadsheets_hold_sheets(array[p_sheet], true);
    select count(*) into v_cells from (
        select from unnest(p_first, p_last) as b (low, high)
        join public.cells c on c.column_id = any (v_columns) and c.row_number between b.low and b.high
        limit 200001) found;
    if v_cells > 200000 then
        raise exception 'more than 200,000 cells would move; move fewer rows, or rows nearer to the end of the sheet'
            using errcode = '23514', constraint = 'cells_moved';
    end if;
    perform set_config('rowmill.moving_rows', 'on', true);
    update public.cells c set row_number = c.row_number + b.by + c_aside
    from unnest(p_first, p_last, p_by) as b (low, high, by)
    where c.column_id = any (v_columns) and c.row_number between b.low and b.high;
    update public.cells c set row_number = c.row_number - c_aside
    where c.column_id = any (v_columns) and c.row_number > c_aside / 2;
    perform set_config('rowmill.moving_rows', 'off', true);
    update public.sheet_rows r set row_number = r.row_number + b.by + c_aside
    from unnest(p_first, p_last, p_by) as b (low, high, by)
    where r.spreadsheet_id = p_sheet and r.row_number between b.low and b.high;
    update public.sheet_rows r set row_number = r.row_number - c_aside
    where r.spreadsheet_id = p_sheet and r.row_number > c_aside / 2;
    perform public.spreadsheets_shape_changed(p_sheet);
end $$;

-- What reads a sheet by the places of its rows is computed anew.
create or replace function public.spreadsheets_shape_changed(p_sheet uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform nextval('rowmill.version');
    perform public.spreadsheets_enqueue_formulas(array[p_sheet]);
    perform public.spreadsheets_enqueue_lookups(
        array(select k.id from public.sheet_columns k where k.spreadsheet_id = p_sheet), null);
end $$;

-- Rows that are taken out keep their cells, aside, with their ids: so their history stays theirs.
create or replace function public.spreadsheets_remove_rows(p_sheet uuid, p_event uuid, p_first integer, p_last integer,
    p_keep_gap boolean) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_columns uuid[] := array(select k.id from public.sheet_columns k where k.spreadsheet_id = p_sheet);
begin
    perform public.spreadsheets_hold_sheets(array[p_sheet], true);
    perform set_config('rowmill.moving_rows', 'on', true);
    with gone as (
        delete from public.cells c
        where c.column_id = any (v_columns) and c.row_number between p_first and p_last
        returning c.*
    )
    insert into public.removed_cells (event_id, id, spreadsheet_id, column_id, row_number, content, formatted_content,
        cell_type, is_formula, version, created_at)
    select p_event, g.id, g.spreadsheet_id, g.column_id, g.row_number, g.content, g.formatted_content, g.cell_type,
        g.is_formula, g.version, g.created_at
    from gone g;
    perform set_config('rowmill.moving_rows', 'off', true);
    delete from public.sheet_rows r where r.spreadsheet_id = p_sheet and r.row_number between p_first and p_last;
    if not p_keep_gap then
        perform public.spreadsheets_renumber_rows(p_sheet, array[p_last + 1], array[2000000000],
            array[p_first - p_last - 1]);
    else
        perform public.spreadsheets_shape_changed(p_sheet);
    end if;
end $$;

-- They come back where they stood; a gap that was kept must still be free. A new version, as whoever read them is computed
-- anew.
create or replace function public.spreadsheets_return_rows(p_sheet uuid, p_event uuid, p_first integer, p_last integer,
    p_keep_gap boolean) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.spreadsheets_hold_sheets(array[p_sheet], true);
    if not p_keep_gap then
        perform public.spreadsheets_renumber_rows(p_sheet, array[p_first], array[2000000000],
            array[p_last - p_first + 1]);
    end if;
    with back as (
        delete from public.removed_cells r where r.event_id = p_event and r.spreadsheet_id = p_sheet returning r.*
    )
    insert into public.cells (id, spreadsheet_id, column_id, row_number, content, formatted_content, cell_type,
        is_formula, version, created_at)
    select b.id, b.spreadsheet_id, b.column_id, b.row_number, b.content, b.formatted_content, b.cell_type, b.is_formula,
        nextval('rowmill.version'), b.created_at
    from back b join public.sheet_columns k on k.id = b.column_id
    order by b.column_id, b.row_number;
    if not found then
        raise exception 'these rows are not there to be brought back; look at what was deleted again'
            using errcode = '23514', constraint = 'removed_cells_there';
    end if;
    perform public.spreadsheets_shape_changed(p_sheet);
end $$;

-- --- runs of a column ------------------------------------------------------------------------------------------------

-- Computes rows of a column: those of `p_ranges` (null = all) whose cell has nothing yet, or an error, where that is asked.
create or replace function public.spreadsheets_run_column(p_column uuid, p_ranges int4multirange, p_only text)
returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_rows integer[];
begin
    select array_agg(d.row_number) into v_rows
    from (select distinct e.row_number
          from public.column_inputs i
          join public.cells e on e.column_id = i.input_column_id
          where i.column_id = p_column and (e.content is not null or e.is_formula)
            and (p_ranges is null or e.row_number <@ p_ranges)) d
    left join public.cells o on o.column_id = p_column and o.row_number = d.row_number
    where p_only = 'all'
       or p_only = 'missing' and o.content is null
       or p_only = 'errors' and o.cell_type = 'error';
    if v_rows is not null then
        perform public.spreadsheets_enqueue_cells(array_fill(p_column, array[cardinality(v_rows)]), v_rows);
    end if;
    perform public.spreadsheets_enqueue_lookups(null, array[p_column]);
    perform public.spreadsheets_enqueue_formulas(array(
        select k.spreadsheet_id from public.sheet_columns k
        where k.id = p_column and k.operator = 'spreadsheets.formula'));
end $$;

-- What waits is cancelled, what runs is asked to stop and writes nothing; what has been filled in stays.
create or replace function public.spreadsheets_cancel_column(p_column uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    with own as (
        select t.id, t.status
        from public.task_queue t
        join public.sheet_columns k on k.id = p_column
        where t.status in ('pending', 'processing') and t.task_type in (k.operator, 'spreadsheets.fill_cells')
          and (t.concurrency_key = any (public.spreadsheets_fill_lanes(p_column) || ('column:' || p_column))
               or t.concurrency_key in (select 'cell:' || c.id from public.cells c where c.column_id = p_column))
        order by t.id for no key update of t
    )
    update public.task_queue t
    set status = case when o.status = 'pending' then 'cancelled' else t.status end,
        completed_at = case when o.status = 'pending' then clock_timestamp() else t.completed_at end,
        cancel_asked_at = case when o.status = 'processing' then clock_timestamp() else t.cancel_asked_at end,
        updated_at = clock_timestamp()
    from own o where t.id = o.id;
    update public.cells c set formatted_content = null, updated_at = now()
    where c.column_id = p_column and c.formatted_content ? 'fetching';
end $$;

-- --- budgets of language models ------------------------------------------------------------------------------------

-- One after the other behind the locked budgets, in the order of the sheets: so the count is exact however many workers
-- call. What is reserved counts as used until the call is settled; a call that nobody could settle stays counted.
create or replace function public.spreadsheets_reserve_tokens(p_calls uuid[], p_sheets uuid[], p_cells uuid[],
    p_tokens bigint[], p_defaults bigint[], p_tasks uuid[], p_runs bigint[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_call record;
    v_granted boolean;
begin
    insert into public.sheet_budgets (spreadsheet_id, tokens)
    select e.sheet, max(e.budget) from unnest(p_sheets, p_defaults) as e (sheet, budget)
    group by e.sheet order by e.sheet
    on conflict do nothing;
    for v_call in
        select * from unnest(p_calls, p_sheets, p_cells, p_tokens, p_tasks, p_runs)
            with ordinality as e (id, sheet, cell, tokens, task, run, ord)
        order by e.sheet, e.ord
    loop
        update public.sheet_budgets b set used = b.used + v_call.tokens, updated_at = now()
        where b.spreadsheet_id = v_call.sheet and b.used + v_call.tokens <= b.tokens;
        v_granted := found;
        insert into public.language_calls (id, spreadsheet_id, cell_id, task_id, run_no, granted, reserved)
        values (v_call.id, v_call.sheet, v_call.cell, v_call.task, v_call.run, v_granted,
            case when v_granted then v_call.tokens else 0 end);
    end loop;
end $$;

create or replace function public.spreadsheets_settle_tokens(p_calls uuid[], p_tokens bigint[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_call record;
begin
    for v_call in
        select c.id, c.spreadsheet_id, c.reserved, e.tokens
        from unnest(p_calls, p_tokens) as e (id, tokens)
        join public.language_calls c on c.id = e.id and c.spent is null and c.granted
        order by c.spreadsheet_id, c.id
    loop
        update public.language_calls c set spent = v_call.tokens, settled_at = now() where c.id = v_call.id;
        update public.sheet_budgets b set used = greatest(b.used + v_call.tokens - v_call.reserved, 0), updated_at = now()
        where b.spreadsheet_id = v_call.spreadsheet_id;
    end loop;
end $$;

-- --- the live feed ------------------------------------------------------------------------------------------------

-- A change of a sheet's structure by plain SQL leaves an audit row like any other; the writers of commands and tasks
-- leave their own, with their author. A new version alone means other inputs.
create or replace function public.spreadsheets_audit_structure(
    p_sheet uuid, p_column uuid, p_action text, p_before jsonb, p_after jsonb) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
insert into public.sheet_edit_events (spreadsheet_id, column_id, action, before, after, sql_user)
values (p_sheet, p_column, p_action, p_before, p_after, session_user)
$$;

create or replace function public.spreadsheets_sheet_audited() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' and (new.name, new.description, new.deleted_at, new.is_public)
            is not distinct from (old.name, old.description, old.deleted_at, old.is_public) then
        return null;
    end if;
    perform public.spreadsheets_audit_structure(coalesce(new.id, old.id), null,
        case when tg_op = 'INSERT' then 'sheet_added'
             when tg_op = 'DELETE' or new.deleted_at is not null and old.deleted_at is null then 'sheet_deleted'
             else 'sheet_changed' end,
        case when tg_op <> 'INSERT' then jsonb_build_object('name', old.name, 'description', old.description) end,
        case when tg_op <> 'DELETE' then jsonb_build_object('name', new.name, 'description', new.description) end);
    return null;
end $$;

create or replace trigger spreadsheets_audited after insert or update or delete on public.spreadsheets
for each row when (current_setting('rowmill.committing', true) is distinct from 'on'
                   or not has_table_privilege(session_user, 'public.sheet_edit_events', 'insert'))
execute function public.spreadsheets_sheet_audited();

create or replace function public.spreadsheets_column_audited() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' and (new.position, new.title, new.width, new.is_visible, new.operator, new.config, new.version,
                             new.deleted_at)
            is not distinct from (old.position, old.title, old.width, old.is_visible, old.operator, old.config,
                                  old.version, old.deleted_at) then
        return null;
    end if;
    perform public.spreadsheets_audit_structure(coalesce(new.spreadsheet_id, old.spreadsheet_id),
        coalesce(new.id, old.id),
        case when tg_op = 'INSERT' then 'column_added'
             when tg_op = 'DELETE' or new.deleted_at is not null and old.deleted_at is null then 'column_deleted'
             else 'column_changed' end,
        case when tg_op <> 'INSERT' then jsonb_build_object('title', old.title, 'width', old.width,
            'is_visible', old.is_visible, 'operator', old.operator, 'config', old.config) end,
        case when tg_op <> 'DELETE' then jsonb_build_object('title', new.title, 'width', new.width,
            'is_visible', new.is_visible, 'operator', new.operator, 'config', new.config) end);
    return null;
end $$;

create or replace trigger sheet_columns_audited after insert or update or delete on public.sheet_columns
for each row when (current_setting('rowmill.committing', true) is distinct from 'on'
                   or not has_table_privilege(session_user, 'public.sheet_edit_events', 'insert'))
execute function public.spreadsheets_column_audited();

-- Append-only, like all audit. The first revision runs this file before the table is there.
do $$ begin
if to_regclass('public.sheet_edit_events') is not null then
    create or replace trigger sheet_edit_events_kept
    before update or delete or truncate on public.sheet_edit_events
    for each statement execute function rowmill.keep_audit();
end if;
end $$;

-- Snapshots of one history of transactions can be compared, others cannot: another cluster, another database of it, or
-- the time before a restore or a failover. This names the history we are in.
create or replace function public.spreadsheets_feed_epoch() returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
select left(md5(concat_ws(' ',
    (select system_identifier from pg_control_system()),
    (select oid from pg_database where datname = current_database()),
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))), 12)
$$;

-- --- transformer sessions -----------------------------------------------------------------------------------------

-- The steps of each kind, in order: each is a task type of its own.
create or replace function public.spreadsheets_session_steps(p_kind text) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
select case p_kind
    when 'clean_contacts' then array['spreadsheets.clean_contacts', 'spreadsheets.find_duplicates',
                                     'spreadsheets.merge_duplicates']
    when 'import_mapped' then array['spreadsheets.propose_mapping', 'spreadsheets.import_mapped']
    when 'enrich_from_web' then array['spreadsheets.fetch_pages', 'spreadsheets.review_pages',
                                      'spreadsheets.apply_review']
end
$$;

-- A row is a session: whoever inserts one, by whatever way, starts its first step in the same transaction.
create or replace function public.spreadsheets_session_begins() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.steps := public.spreadsheets_session_steps(new.kind);
    if new.steps is null then
        raise exception 'there is no kind of session %; choose clean_contacts, import_mapped or enrich_from_web', new.kind
            using errcode = '23514', constraint = 'transformer_sessions_kind';
    end if;
    select s.workspace_id into new.workspace_id from public.spreadsheets s where s.id = new.spreadsheet_id;
    new.total_steps := cardinality(new.steps);
    new.current_step := 1;
    new.task_id := rowmill.uuid7();
    insert into public.task_queue (id, task_type, payload, concurrency_key, workspace_id)
    values (new.task_id, new.steps[1], jsonb_build_object('session_id', new.id, 'step', 1), 'session:' || new.id,
        new.workspace_id);
    return new;
end $$;

create or replace function public.spreadsheets_session_audited() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.spreadsheets_audit_structure(new.spreadsheet_id, null, 'session_started', null, jsonb_build_object(
        'session', new.id, 'kind', new.kind, 'name', new.session_name, 'input', new.initial_input));
    return null;
end $$;

-- The first revisions run this file before the table is there.
do $$ begin
if to_regclass('public.transformer_sessions') is not null then
    create or replace trigger transformer_sessions_begin before insert on public.transformer_sessions
    for each row execute function public.spreadsheets_session_begins();
    create or replace trigger transformer_sessions_audited after insert on public.transformer_sessions
    for each row when (current_setting('rowmill.committing', true) is distinct from 'on'
                       or not has_table_privilege(session_user, 'public.sheet_edit_events', 'insert'))
    execute function public.spreadsheets_session_audited();
end if;
end $$;
