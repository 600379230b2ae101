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
    where c.operator is not null and c.operator <> 'spreadsheets.formula'
      and c.deleted_at is null and s.deleted_at is null;
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
    if tg_op = 'INSERT' then
        select array_agg(n.id), array_agg(null::text), array_agg(distinct n.spreadsheet_id)
        into v_ids, v_before, v_sheets
        from changed n where n.content is not null;
        select array_agg(n.column_id), array_agg(n.row_number) into v_columns, v_rows
        from changed n
        where public.spreadsheets_read_value(n.content, n.formatted_content, n.cell_type, n.is_formula) is not null;
    else
        select array_agg(n.id), array_agg(o.content), array_agg(distinct n.spreadsheet_id)
        into v_ids, v_before, v_sheets
        from changed n join was o on o.id = n.id
        where n.content is distinct from o.content;
        select array_agg(n.column_id), array_agg(n.row_number) into v_columns, v_rows
        from changed n join was o on o.id = n.id
        where public.spreadsheets_read_value(n.content, n.formatted_content, n.cell_type, n.is_formula)
            is distinct from public.spreadsheets_read_value(o.content, o.formatted_content, o.cell_type, o.is_formula);
    end if;
    if v_ids is null and v_columns is null then
        return null;
    end if;
    perform public.spreadsheets_hold_sheets(array(select distinct n.spreadsheet_id from changed n), false);

    -- The committer and the import write their own audit, with their author. Only who may write audit is believed.
    if current_setting('rowmill.committing', true) is distinct from 'on'
       or not has_table_privilege(session_user, 'public.cell_edit_events', 'insert')
    then
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
    perform public.spreadsheets_enqueue_formulas(array(
        select distinct o.spreadsheet_id from was o where o.content is not null));
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

-- Texts that begin with = become formulas, or texts again, with the operator of their column.
create or replace function public.spreadsheets_turn_formulas(p_columns uuid[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    update public.cells c
    set is_formula = public.spreadsheets_is_formula(c.column_id, c.content), formatted_content = null,
        cell_type = 'text', version = nextval('rowmill.version'), updated_at = now()
    where c.column_id = any (p_columns) and (c.is_formula or c.content like '=%')
$$;

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
        perform public.spreadsheets_hold_sheets(v_sheets, true);
        perform public.spreadsheets_check_inputs(v_columns);
        perform public.spreadsheets_turn_formulas(v_turned);
        perform public.spreadsheets_enqueue_columns(v_columns);
    end if;
    perform public.spreadsheets_enqueue_formulas(array(
        select distinct n.spreadsheet_id from changed n join was o on o.id = n.id
        where (n.operator, n.config, n.position, n.deleted_at)
            is distinct from (o.operator, o.config, o.position, o.deleted_at)));
    return null;
end $$;

create or replace trigger sheet_columns_updated after update on public.sheet_columns
referencing old table as was new table as changed
for each statement execute function public.spreadsheets_columns_changed();

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

    with recursive here as (
        select k.* from public.sheet_columns k
        where k.spreadsheet_id in (select c.spreadsheet_id from public.sheet_columns c where c.id = any (p_columns))
    ), edges as (
        select i.column_id, i.input_column_id from public.column_inputs i join here h on h.id = i.column_id
        union all
        select o.id, f.id
        from here f
        cross join lateral jsonb_each_text(
            case when jsonb_typeof(f.config -> 'outputs') = 'object' then f.config -> 'outputs' else '{}' end) p
        join here o on o.id::text = lower(p.value)
        where f.operator = 'spreadsheets.fetch_page'
    ), upstream as (
        select e.column_id as origin, e.input_column_id as column_id
        from edges e where e.column_id = any (p_columns)
        union
        select u.origin, e.input_column_id
        from upstream u join edges e on e.column_id = u.column_id
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
                                                      else 'cell:' || c.id end
              and (t.status = 'processing' and t.leader_id is null
                   or t.status = 'pending' and t.task_type = k.operator and t.crashes < 2 and t.concurrency_key >= ''
                   or t.status = 'pending' and t.task_type = k.operator and t.crashes >= 2)) then 'stale'
        when c.cell_type = 'error' then 'error'
        when c.content is null and not c.is_formula then 'blank'
        else 'ok'
    end as state,
    c.is_formula
from public.cells c
join public.sheet_columns k on k.id = c.column_id
where not (select row_security_active('public.cells'::regclass))
   or exists (select from public.spreadsheets s
              where s.id = c.spreadsheet_id and s.workspace_id = rowmill.current_workspace());

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
