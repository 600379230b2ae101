Named reads, locks and writers of the spreadsheets domain. Entities are locked in the order of their `.lock` here.

What belongs to one key is fetched in a lateral with `limit 1`: a probe per key, whatever the
statistics say. A plain join over a sheet that was never analyzed reads all of its cells for a handful of keys.

-- name: spreadsheets.lock
with held as (
    select s.id, s.version from spreadsheets s
    where s.id = any (:key::uuid[]) order by s.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, s.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join spreadsheets s on s.id = i.id
left join held h on h.id = i.id

-- name: cells.lock
-- A cell whose sheet's columns are being changed is as good as locked (spreadsheets_hold_sheets): the writer would wait.
with held as materialized (
    select c.id, c.version, c.spreadsheet_id, c.column_id, c.row_number, c.content, c.formatted_content, c.based_on
    from cells c
    where c.id = any (:key::uuid[]) order by c.id for no key update skip locked
), sheets as materialized (
    select s.id from (select distinct h.spreadsheet_id as id from held h) s
    where pg_try_advisory_xact_lock_shared(hashtextextended('spreadsheet:' || s.id, 0))
)
select i.ord, s.id is not null as held, h.version, h.spreadsheet_id, h.column_id, h.row_number, h.content,
    h.formatted_content, h.based_on, c.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
left join held h on h.id = i.id
left join sheets s on s.id = h.spreadsheet_id
left join lateral (select c.xmax from cells c where c.id = i.id and s.id is null limit 1) c on true
where s.id is not null or c.xmax is not null

-- name: cells.versions
select i.ord, c.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
cross join lateral (select c.version from cells c where c.id = i.id limit 1) c

-- name: sheet_columns.versions
select i.ord, k.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join sheet_columns k on k.id = i.id

-- name: column_of_cell reads sheet_columns
-- `filling`: a run that fills many cells in together has this one in hand.
select i.ord, k.id as _target, k.version as _version, k.title, k.operator, k.config,
    k.operator = any (spreadsheets_filled_together()) and exists (
        select from task_queue t
        where t.status = 'processing' and t.leader_id is null
          and t.concurrency_key = any (spreadsheets_fill_lanes(k.id))
          and t.payload -> 'cell_ids' ? i.cell_id::text) as filling
from unnest(:cell_id::uuid[]) with ordinality as i (cell_id, ord)
cross join lateral (select c.column_id from cells c where c.id = i.cell_id limit 1) c
cross join lateral (select k.* from sheet_columns k where k.id = c.column_id and k.deleted_at is null limit 1) k

-- name: column reads sheet_columns
select i.ord, k.id as _target, k.version as _version, k.title, k.operator, k.config
from unnest(:column_id::uuid[]) with ordinality as i (column_id, ord)
join sheet_columns k on k.id = i.column_id and k.deleted_at is null

-- name: plain_column
-- The same, without a version: its reader is followed by another after each change.
select i.ord, k.title, k.operator, k.config
from unnest(:column_id::uuid[]) with ordinality as i (column_id, ord)
join sheet_columns k on k.id = i.column_id and k.deleted_at is null

-- name: cell_with_inputs reads cells
-- The cell itself (ordinal 0), then its inputs in their configured order; an input cell that was never written has no
-- version: writing it enqueues a task of its own.
select i.ord, r._target, r._version, r.ordinal, r.content
from unnest(:cell_id::uuid[]) with ordinality as i (cell_id, ord)
cross join lateral (select c.* from cells c where c.id = i.cell_id limit 1) c
cross join lateral (
    select c.id as _target, c.version as _version, 0 as ordinal, c.content
    union all
    select n.id, n.version, ci.ordinal,
        spreadsheets_read_value(n.content, n.formatted_content, n.cell_type, n.is_formula)
    from column_inputs ci
    left join cells n on n.spreadsheet_id = c.spreadsheet_id and n.column_id = ci.input_column_id
        and n.row_number = c.row_number
    where ci.column_id = c.column_id) r
order by i.ord, r.ordinal

-- name: cells_to_fill reads cells
-- The same of many cells, given as one document.
with own as materialized (
    select i.ord, e.at, c.*
    from unnest(:cell_ids::jsonb[]) with ordinality as i (cell_ids, ord)
    cross join lateral jsonb_array_elements_text(i.cell_ids) with ordinality as e (id, at)
    cross join lateral (select c.id, c.version, c.spreadsheet_id, c.column_id, c.row_number, c.content
                        from cells c where c.id = e.id::uuid limit 1) c
)
select o.ord, o.id as _target, o.version as _version, o.id as cell_id, 0 as ordinal, o.content, o.at
from own o
union all
select o.ord, n.id, n.version, o.id, ci.ordinal,
    spreadsheets_read_value(n.content, n.formatted_content, n.cell_type, n.is_formula), o.at
from own o
join column_inputs ci on ci.column_id = o.column_id
left join lateral (select n.* from cells n
                   where n.spreadsheet_id = o.spreadsheet_id and n.column_id = ci.input_column_id
                     and n.row_number = o.row_number limit 1) n on true
order by ord, at, ordinal

-- name: inputs_of_cell
-- The same without versions, for runs that call outside: what a call has cost is kept whatever was edited meanwhile. They
-- follow each other, and an edit enqueues the next.
select i.ord, r.ordinal, r.content
from unnest(:cell_id::uuid[]) with ordinality as i (cell_id, ord)
cross join lateral (select c.* from cells c where c.id = i.cell_id limit 1) c
cross join lateral (
    select 0 as ordinal, c.content
    union all
    select ci.ordinal, spreadsheets_read_value(n.content, n.formatted_content, n.cell_type, n.is_formula)
    from column_inputs ci
    left join cells n on n.spreadsheet_id = c.spreadsheet_id and n.column_id = ci.input_column_id
        and n.row_number = c.row_number
    where ci.column_id = c.column_id) r
order by i.ord, r.ordinal

-- name: formulas_of_sheet
-- A record per column of formulas with all of its cells, and the revision that what is computed from them stands on.
select i.ord, k.id as column_id, k.position, k.config, coalesce(pg_sequence_last_value('rowmill.version'), 0) as revision,
    f.ids, f.rows, f.contents, f.shown, f.types, f.errors
from unnest(:spreadsheet_id::uuid[]) with ordinality as i (spreadsheet_id, ord)
join sheet_columns k on k.spreadsheet_id = i.spreadsheet_id and k.deleted_at is null
    and k.operator = 'spreadsheets.formula'
cross join lateral (
    select array_agg(c.id) as ids, array_agg(c.row_number) as rows, array_agg(c.content) as contents,
        array_agg(c.formatted_content ->> 'value') as shown, array_agg(c.cell_type::text) as types,
        array_agg(c.formatted_content ->> 'error') as errors
    from cells c where c.column_id = k.id) f
order by i.ord, k.position

-- name: values_of_column
-- One record: what the cells of a column hold, without blanks and errors.
select i.ord, v.rows, v.contents, v.types
from unnest(:column_id::uuid[]) with ordinality as i (column_id, ord)
cross join lateral (
    select array_agg(c.row_number) as rows, array_agg(c.content) as contents, array_agg(c.cell_type::text) as types
    from cells c where c.column_id = i.column_id and c.content is not null and c.cell_type <> 'error') v

-- name: inputs_of_sheet
-- Which column is filled in from which, by position: configured inputs, lookups in the same sheet, and the outputs of calls.
select i.ord, k.position, n.position as input_position
from unnest(:spreadsheet_id::uuid[]) with ordinality as i (spreadsheet_id, ord)
join sheet_columns k on k.spreadsheet_id = i.spreadsheet_id and k.deleted_at is null
    and k.operator <> 'spreadsheets.formula'
join column_inputs ci on ci.column_id = k.id
join sheet_columns n on n.id = ci.input_column_id
union all
select i.ord, k.position, n.position
from unnest(:spreadsheet_id::uuid[]) with ordinality as i (spreadsheet_id, ord)
join sheet_columns k on k.spreadsheet_id = i.spreadsheet_id and k.deleted_at is null
    and k.operator = 'spreadsheets.lookup'
join sheet_columns n on n.spreadsheet_id = i.spreadsheet_id
    and n.id::text in (lower(k.config ->> 'match'), lower(k.config ->> 'value'))
union all
select i.ord, o.position, f.position
from unnest(:spreadsheet_id::uuid[]) with ordinality as i (spreadsheet_id, ord)
join sheet_columns f on f.spreadsheet_id = i.spreadsheet_id and f.deleted_at is null
cross join lateral jsonb_each_text(
    case when jsonb_typeof(f.config -> 'outputs') = 'object' then f.config -> 'outputs' else '{}' end) p
join sheet_columns o on o.spreadsheet_id = i.spreadsheet_id and o.id::text = lower(p.value)

-- name: row_of_cell
-- The columns of a cell's sheet, and the cells of its row where there are any.
select i.ord, k.id as column_id, k.operator, n.id as cell_id, c.spreadsheet_id, c.row_number
from unnest(:cell_id::uuid[]) with ordinality as i (cell_id, ord)
cross join lateral (select c.spreadsheet_id, c.row_number from cells c where c.id = i.cell_id limit 1) c
join sheet_columns k on k.spreadsheet_id = c.spreadsheet_id and k.deleted_at is null
left join cells n on n.spreadsheet_id = c.spreadsheet_id and n.column_id = k.id and n.row_number = c.row_number
order by i.ord, k.position

-- name: columns_of_sheet
select i.ord, k.id, k.position, k.title, k.operator, k.is_visible
from unnest(:spreadsheet_id::uuid[]) with ordinality as i (spreadsheet_id, ord)
join sheet_columns k on k.spreadsheet_id = i.spreadsheet_id and k.deleted_at is null
order by i.ord, k.position

-- name: sheet
select i.ord, s.id, s.name, m.last_row
from unnest(:spreadsheet_id::uuid[]) with ordinality as i (spreadsheet_id, ord)
join spreadsheets s on s.id = i.spreadsheet_id and s.deleted_at is null
cross join lateral (
    select coalesce(max(l.row_number), 0) as last_row
    from sheet_columns k
    cross join lateral (select max(c.row_number) as row_number from cells c where c.column_id = k.id) l
    where k.spreadsheet_id = s.id) m

-- name: rows_of_sheet
-- One record per row with something in it: what is shown, by column position.
select i.ord, c.row_number,
    jsonb_object_agg(c.column_id, jsonb_build_array(
        coalesce(c.formatted_content ->> 'value', c.content), c.cell_type, c.formatted_content ->> 'error'))::text
        as cells
from unnest(:spreadsheet_id::uuid[], :first_row::int[], :last_row::int[])
    with ordinality as i (spreadsheet_id, first_row, last_row, ord)
join sheet_columns k on k.spreadsheet_id = i.spreadsheet_id and k.deleted_at is null
join cells c on c.column_id = k.id and c.row_number between i.first_row and i.last_row
group by i.ord, c.row_number
order by i.ord, c.row_number

-- name: create_spreadsheet
-- Stands before what is written into it.
insert into spreadsheets (id, workspace_id, name, description, owner_id, default_rows)
select * from unnest(:spreadsheet_id::uuid[], :workspace_id::uuid[], :name::text[], :description::text[],
                     :user_id::uuid[], :default_rows::int[])

-- name: create_spreadsheet.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'sheet_added', jsonb_build_object('name', e.name, 'description', e.description), e.user_id,
    e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :name::text[], :description::text[], :user_id::uuid[], :task_id::uuid[],
            :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, name, description, user_id, task_id, run_no, command_id)

-- name: add_column
insert into sheet_columns (id, spreadsheet_id, position, title)
select * from unnest(:column_id::uuid[], :spreadsheet_id::uuid[], :position::int[], :title::text[])

-- name: append_rows
-- Appends below the last row of the sheet, whose row is locked: two imports into one sheet interleave by chunks, and
-- neither loses a row. A row without any text gets one empty cell, so that the next chunk begins below it.
with chunk as (
    select e.spreadsheet_id, e.user_id, e.command_id, e.task_id, e.run_no, e.column_ids, e.rows,
        (select coalesce(max(l.row_number), 0)
         from sheet_columns k
         cross join lateral (select max(c.row_number) as row_number from cells c where c.column_id = k.id) l
         where k.spreadsheet_id = e.spreadsheet_id) as last_row
    from unnest(:spreadsheet_id::uuid[], :column_ids::jsonb[], :rows::jsonb[], :user_id::uuid[], :command_id::uuid[],
                :task_id::uuid[], :run_no::bigint[])
        as e (spreadsheet_id, column_ids, rows, user_id, command_id, task_id, run_no)
), made as (
    insert into cells (spreadsheet_id, column_id, row_number, content)
    select h.spreadsheet_id, k.column_id::uuid, h.last_row + r.at, v.content
    from chunk h
    cross join lateral jsonb_array_elements(h.rows) with ordinality as r (row, at)
    cross join lateral jsonb_array_elements_text(r.row) with ordinality as v (content, at)
    join lateral jsonb_array_elements_text(h.column_ids) with ordinality as k (column_id, at) on k.at = v.at
    where v.content is not null or v.at = 1 and not jsonb_path_exists(r.row, '$[*] ? (@ != null)')
    returning id, spreadsheet_id, column_id, row_number, content
), grown as (
    insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
    select h.spreadsheet_id, 'rows_added',
        jsonb_build_object('first_row', h.last_row + 1, 'last_row', h.last_row + jsonb_array_length(h.rows)),
        h.user_id, h.task_id, h.run_no, h.command_id
    from chunk h
)
insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id,
    new_content, edit_type)
select m.id, m.spreadsheet_id, m.column_id, m.row_number, h.user_id, h.task_id, h.run_no, h.command_id, m.content,
    case when h.user_id is null then 'import' else 'manual' end
from made m
join chunk h on h.spreadsheet_id = m.spreadsheet_id
where m.content is not null

-- name: begin_fetch
-- The content stays until there is another; what is shown says since when a page is being fetched.
with row as (
    update cells c set formatted_content = e.shown, updated_at = now()
    from unnest(:cell_id::uuid[], :shown::jsonb[]) as e (cell_id, shown) where c.id = e.cell_id
    returning c.id, c.spreadsheet_id, c.row_number
)
insert into cells (spreadsheet_id, column_id, row_number)
select r.spreadsheet_id, k.id, r.row_number
from unnest(:cell_id::uuid[], :column_ids::jsonb[]) as e (cell_id, column_ids)
join row r on r.id = e.cell_id
join sheet_columns k on k.spreadsheet_id = r.spreadsheet_id and e.column_ids ? k.id::text
order by k.id, r.row_number
on conflict do nothing

-- name: set_cell
-- A new version only with a new content: a decision that read the same content as before is not old.
update cells c
set content = e.content, formatted_content = e.shown, cell_type = e.cell_type, updated_at = now(),
    is_formula = coalesce(e.content like '=%', false) and spreadsheets_is_formula(c.column_id, e.content),
    version = case when c.content is distinct from e.content then nextval('rowmill.version') else c.version end
from unnest(:cell_id::uuid[], :content::text[], :shown::jsonb[], :cell_type::text[])
    as e (cell_id, content, shown, cell_type)
where c.id = e.cell_id
  and (c.content, c.formatted_content, c.cell_type) is distinct from (e.content, e.shown, e.cell_type)

-- name: set_cell.audit
insert into cell_edit_events (id, cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id,
    old_content, new_content, edit_type)
select spreadsheets_nth_id(f.id, e.ord), e.cell_id, e.spreadsheet_id, e.column_id, e.row_number, e.user_id, e.task_id,
    e.run_no, e.command_id, e.old_content, e.new_content, case when e.user_id is null then 'robot' else 'manual' end
from (select rowmill.uuid7() as id offset 0) f
cross join unnest(:cell_id::uuid[], :before_spreadsheet_id::uuid[], :before_column_id::uuid[],
                  :before_row_number::int[], :user_id::uuid[], :task_id::uuid[], :run_no::bigint[],
                  :command_id::uuid[], :before_content::text[], :content::text[])
    with ordinality as e (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id,
                          old_content, new_content, ord)
where e.old_content is distinct from e.new_content

-- name: add_blank_cells
insert into cells (spreadsheet_id, column_id, row_number)
select e.spreadsheet_id, e.column_id, r.row_number::int
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[], :rows::jsonb[]) as e (spreadsheet_id, column_id, rows)
cross join lateral jsonb_array_elements_text(e.rows) as r (row_number)
order by 2, 3
on conflict do nothing

-- name: show_value
-- Written where the formula is still the one that was computed and nothing newer has been shown. A new version only where
-- something else is to be read.
update cells c
set formatted_content = e.shown, cell_type = e.cell_type, is_formula = true, based_on = e.based_on, updated_at = now(),
    version = case when spreadsheets_read_value(c.content, c.formatted_content, c.cell_type, c.is_formula)
                        is distinct from spreadsheets_read_value(c.content, e.shown, e.cell_type, true)
                   then nextval('rowmill.version') else c.version end
from unnest(:cell_id::uuid[], :content::text[], :formatted_content::jsonb[], :cell_type::text[], :based_on::bigint[])
    as e (cell_id, content, shown, cell_type, based_on)
where c.id = e.cell_id and c.content is not distinct from e.content and coalesce(c.based_on, 0) <= e.based_on

-- name: show_value.audit
-- By what is shown: the formula itself has not changed.
insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, task_id, run_no, old_content, new_content,
    edit_type)
select e.cell_id, e.spreadsheet_id, e.column_id, e.row_number, e.task_id, e.run_no, e.old ->> 'value', e.new ->> 'value',
    'robot'
from unnest(:cell_id::uuid[], :before_spreadsheet_id::uuid[], :before_column_id::uuid[], :before_row_number::int[],
            :task_id::uuid[], :run_no::bigint[], :before_formatted_content::jsonb[], :formatted_content::jsonb[],
            :before_content::text[], :content::text[], :before_based_on::bigint[], :based_on::bigint[])
    as e (cell_id, spreadsheet_id, column_id, row_number, task_id, run_no, old, new, held, computed, was_on, is_on)
where e.held is not distinct from e.computed and coalesce(e.was_on, 0) <= e.is_on
  and e.old ->> 'value' is distinct from e.new ->> 'value'
