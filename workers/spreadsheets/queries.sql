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
with held as (
    select c.id, c.version, c.spreadsheet_id, c.column_id, c.row_number, c.content from cells c
    where c.id = any (:key::uuid[]) order by c.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.spreadsheet_id, h.column_id, h.row_number, h.content,
    c.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
cross join lateral (select c.xmax from cells c where c.id = i.id limit 1) c
left join held h on h.id = i.id

-- name: cells.versions
select i.ord, c.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
cross join lateral (select c.version from cells c where c.id = i.id limit 1) c

-- name: sheet_columns.versions
select i.ord, k.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join sheet_columns k on k.id = i.id

-- name: column_of_cell reads sheet_columns
select i.ord, k.id as _target, k.version as _version, k.title, k.operator, k.config
from unnest(:cell_id::uuid[]) with ordinality as i (cell_id, ord)
cross join lateral (select c.column_id from cells c where c.id = i.cell_id limit 1) c
cross join lateral (select k.* from sheet_columns k where k.id = c.column_id and k.deleted_at is null limit 1) k

-- name: cell_with_inputs reads cells
-- The cell itself (ordinal 0), then its inputs in their configured order; an input cell that was never written has no
-- version: writing it enqueues a task of its own.
select i.ord, r._target, r._version, r.ordinal, r.content
from unnest(:cell_id::uuid[]) with ordinality as i (cell_id, ord)
cross join lateral (select c.* from cells c where c.id = i.cell_id limit 1) c
cross join lateral (
    select c.id as _target, c.version as _version, 0 as ordinal, c.content
    union all
    select n.id, n.version, ci.ordinal, n.content
    from column_inputs ci
    left join cells n on n.spreadsheet_id = c.spreadsheet_id and n.column_id = ci.input_column_id
        and n.row_number = c.row_number
    where ci.column_id = c.column_id) r
order by i.ord, r.ordinal

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

-- name: add_column
insert into sheet_columns (id, spreadsheet_id, position, title)
select * from unnest(:column_id::uuid[], :spreadsheet_id::uuid[], :position::int[], :title::text[])

-- name: append_rows
-- Appends below the last row of the sheet, whose row is locked: two imports into one sheet interleave by chunks, and
-- neither loses a row. A row without any text gets one empty cell, so that the next chunk begins below it.
with chunk as (
    select e.spreadsheet_id, e.task_id, e.run_no, e.column_ids, e.rows,
        (select coalesce(max(l.row_number), 0)
         from sheet_columns k
         cross join lateral (select max(c.row_number) as row_number from cells c where c.column_id = k.id) l
         where k.spreadsheet_id = e.spreadsheet_id) as last_row
    from unnest(:spreadsheet_id::uuid[], :column_ids::jsonb[], :rows::jsonb[], :task_id::uuid[], :run_no::bigint[])
        as e (spreadsheet_id, column_ids, rows, task_id, run_no)
), made as (
    insert into cells (spreadsheet_id, column_id, row_number, content)
    select h.spreadsheet_id, k.column_id::uuid, h.last_row + r.at, v.content
    from chunk h
    cross join lateral jsonb_array_elements(h.rows) with ordinality as r (row, at)
    cross join lateral jsonb_array_elements_text(r.row) with ordinality as v (content, at)
    join lateral jsonb_array_elements_text(h.column_ids) with ordinality as k (column_id, at) on k.at = v.at
    where v.content is not null or v.at = 1 and not jsonb_path_exists(r.row, '$[*] ? (@ != null)')
    returning id, spreadsheet_id, column_id, row_number, content
)
insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, task_id, run_no, new_content, edit_type)
select m.id, m.spreadsheet_id, m.column_id, m.row_number, h.task_id, h.run_no, m.content, 'import'
from made m
join chunk h on h.spreadsheet_id = m.spreadsheet_id
where m.content is not null

-- name: set_cell
-- A new version only with a new content: a decision that read the same content as before is not old.
update cells c
set content = e.content, formatted_content = e.shown, cell_type = e.cell_type, updated_at = now(),
    version = case when c.content is distinct from e.content then nextval('rowmill.version') else c.version end
from unnest(:cell_id::uuid[], :content::text[], :shown::jsonb[], :cell_type::text[])
    as e (cell_id, content, shown, cell_type)
where c.id = e.cell_id
  and (c.content, c.formatted_content, c.cell_type) is distinct from (e.content, e.shown, e.cell_type)

-- name: set_cell.audit
insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id,
    old_content, new_content, edit_type)
select e.cell_id, e.spreadsheet_id, e.column_id, e.row_number, e.user_id, e.task_id, e.run_no, e.command_id,
    e.old_content, e.new_content, case when e.user_id is null then 'robot' else 'manual' end
from unnest(:cell_id::uuid[], :before_spreadsheet_id::uuid[], :before_column_id::uuid[], :before_row_number::int[],
            :user_id::uuid[], :task_id::uuid[], :run_no::bigint[], :command_id::uuid[], :before_content::text[],
            :content::text[])
    as e (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id, old_content,
          new_content)
where e.old_content is distinct from e.new_content
