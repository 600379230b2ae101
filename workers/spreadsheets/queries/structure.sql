Writers of what changes the shape of a sheet: one call of a function of triggers.sql, one row of audit.

-- name: move_column
select spreadsheets_move_column(e.spreadsheet_id, e.column_id, e.before_id)
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[], :before_id::uuid[]) as e (spreadsheet_id, column_id, before_id)

-- name: move_column.audit
insert into sheet_edit_events (spreadsheet_id, column_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, e.column_id, 'column_moved', jsonb_build_object('before_column', e.before_id), e.user_id,
    e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[], :before_id::uuid[], :user_id::uuid[], :task_id::uuid[],
            :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, column_id, before_id, user_id, task_id, run_no, command_id)

-- name: restore_column
update sheet_columns k
set deleted_at = null, operator = null, config = '{}', updated_at = now(),
    position = (select coalesce(max(o.position), 0) + 1 from sheet_columns o
                where o.spreadsheet_id = k.spreadsheet_id and o.deleted_at is null)
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[]) as e (spreadsheet_id, column_id)
where k.id = e.column_id and k.spreadsheet_id = e.spreadsheet_id and k.deleted_at is not null

-- name: restore_column.audit
insert into sheet_edit_events (spreadsheet_id, column_id, action, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, e.column_id, 'column_restored', e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[], :user_id::uuid[], :task_id::uuid[], :run_no::bigint[],
            :command_id::uuid[]) as e (spreadsheet_id, column_id, user_id, task_id, run_no, command_id)

-- name: insert_rows
select spreadsheets_renumber_rows(e.spreadsheet_id, array[e.first_row], array[2000000000], array[e.count])
from unnest(:spreadsheet_id::uuid[], :first_row::int[], :count::int[]) as e (spreadsheet_id, first_row, count)

-- name: insert_rows.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'rows_inserted',
    jsonb_build_object('first_row', e.first_row, 'last_row', e.first_row + e.count - 1), e.user_id, e.task_id, e.run_no,
    e.command_id
from unnest(:spreadsheet_id::uuid[], :first_row::int[], :count::int[], :user_id::uuid[], :task_id::uuid[],
            :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, first_row, count, user_id, task_id, run_no, command_id)

-- name: move_rows
-- Those between the rows and their new place go the other way.
select spreadsheets_renumber_rows(e.spreadsheet_id,
    array[e.first_row, case when e.before_row > e.last_row then e.last_row + 1 else e.before_row end],
    array[e.last_row, case when e.before_row > e.last_row then e.before_row - 1 else e.first_row - 1 end],
    array[case when e.before_row > e.last_row then e.before_row - 1 - e.last_row else e.before_row - e.first_row end,
          case when e.before_row > e.last_row then -1 else 1 end * (e.last_row - e.first_row + 1)])
from unnest(:spreadsheet_id::uuid[], :first_row::int[], :last_row::int[], :before_row::int[])
    as e (spreadsheet_id, first_row, last_row, before_row)

-- name: move_rows.audit
insert into sheet_edit_events (spreadsheet_id, action, before, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'rows_moved', jsonb_build_object('first_row', e.first_row, 'last_row', e.last_row),
    jsonb_build_object('before_row', e.before_row), e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :first_row::int[], :last_row::int[], :before_row::int[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, first_row, last_row, before_row, user_id, task_id, run_no, command_id)

-- name: delete_rows
select spreadsheets_remove_rows(e.spreadsheet_id, e.event_id, e.first_row, e.last_row, e.keep_gap)
from unnest(:spreadsheet_id::uuid[], :event_id::uuid[], :first_row::int[], :last_row::int[], :keep_gap::bool[])
    as e (spreadsheet_id, event_id, first_row, last_row, keep_gap)

-- name: delete_rows.audit
insert into sheet_edit_events (id, spreadsheet_id, action, before, after, user_id, task_id, run_no, command_id)
select e.event_id, e.spreadsheet_id, 'rows_deleted',
    jsonb_build_object('first_row', e.first_row, 'last_row', e.last_row), jsonb_build_object('keep_gap', e.keep_gap),
    e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :event_id::uuid[], :first_row::int[], :last_row::int[], :keep_gap::bool[],
            :user_id::uuid[], :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, event_id, first_row, last_row, keep_gap, user_id, task_id, run_no, command_id)

-- name: restore_rows
select spreadsheets_return_rows(e.spreadsheet_id, e.event_id, e.first_row, e.last_row, e.keep_gap)
from unnest(:spreadsheet_id::uuid[], :event_id::uuid[], :first_row::int[], :last_row::int[], :keep_gap::bool[])
    as e (spreadsheet_id, event_id, first_row, last_row, keep_gap)

-- name: restore_rows.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'rows_restored',
    jsonb_build_object('first_row', e.first_row, 'last_row', e.last_row, 'event', e.event_id),
    e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :event_id::uuid[], :first_row::int[], :last_row::int[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, event_id, first_row, last_row, user_id, task_id, run_no, command_id)

-- name: shape_rows
insert into sheet_rows as r (spreadsheet_id, row_number, height, is_visible)
select e.spreadsheet_id, n.row_number, e.height, e.is_visible
from unnest(:spreadsheet_id::uuid[], :first_row::int[], :last_row::int[], :height::int[], :is_visible::bool[])
    as e (spreadsheet_id, first_row, last_row, height, is_visible)
cross join lateral generate_series(e.first_row, e.last_row) as n (row_number)
on conflict (spreadsheet_id, row_number) do update
set height = coalesce(excluded.height, r.height), is_visible = coalesce(excluded.is_visible, r.is_visible)

-- name: shape_rows.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'rows_shaped', jsonb_strip_nulls(jsonb_build_object('first_row', e.first_row,
    'last_row', e.last_row, 'height', e.height, 'is_visible', e.is_visible)), e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :first_row::int[], :last_row::int[], :height::int[], :is_visible::bool[],
            :user_id::uuid[], :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, first_row, last_row, height, is_visible, user_id, task_id, run_no, command_id)

-- name: share_spreadsheet
update spreadsheets s
set is_public = coalesce(e.is_public, s.is_public), owner_id = coalesce(e.new_owner, s.owner_id), updated_at = now(),
    version = nextval('rowmill.version')
from unnest(:spreadsheet_id::uuid[], :is_public::bool[], :new_owner::uuid[]) as e (spreadsheet_id, is_public, new_owner)
where s.id = e.spreadsheet_id

-- name: share_spreadsheet.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'sheet_shared',
    jsonb_strip_nulls(jsonb_build_object('is_public', e.is_public, 'owner', e.new_owner)), e.user_id, e.task_id, e.run_no,
    e.command_id
from unnest(:spreadsheet_id::uuid[], :is_public::bool[], :new_owner::uuid[], :user_id::uuid[], :task_id::uuid[],
            :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, is_public, new_owner, user_id, task_id, run_no, command_id)

-- name: run_column
select spreadsheets_run_column(e.column_id, e.ranges::int4multirange, e.which)
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[], :ranges::text[], :only::text[])
    as e (spreadsheet_id, column_id, ranges, which)

-- name: run_column.audit
insert into sheet_edit_events (spreadsheet_id, column_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, e.column_id, 'column_run',
    jsonb_strip_nulls(jsonb_build_object('rows', e.ranges, 'only', e.which)), e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[], :ranges::text[], :only::text[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, column_id, ranges, which, user_id, task_id, run_no, command_id)

-- name: cancel_column
select spreadsheets_cancel_column(e.column_id) from unnest(:spreadsheet_id::uuid[], :column_id::uuid[])
    as e (spreadsheet_id, column_id)

-- name: cancel_column.audit
insert into sheet_edit_events (spreadsheet_id, column_id, action, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, e.column_id, 'column_cancelled', e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[], :user_id::uuid[], :task_id::uuid[], :run_no::bigint[],
            :command_id::uuid[]) as e (spreadsheet_id, column_id, user_id, task_id, run_no, command_id)

-- name: undo_edit
update cells c
set content = e.content, formatted_content = null, cell_type = 'text', version = nextval('rowmill.version'),
    is_formula = coalesce(e.content like '=%', false) and spreadsheets_is_formula(c.column_id, e.content),
    updated_at = now()
from unnest(:cell_id::uuid[], :content::text[]) as e (cell_id, content)
where c.id = e.cell_id

-- name: undo_edit.audit
insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id,
    old_content, new_content, edit_type)
select e.cell_id, e.spreadsheet_id, e.column_id, e.row_number, e.user_id, e.task_id, e.run_no, e.command_id,
    e.old_content, e.new_content, 'undo'
from unnest(:cell_id::uuid[], :before_spreadsheet_id::uuid[], :before_column_id::uuid[], :before_row_number::int[],
            :user_id::uuid[], :task_id::uuid[], :run_no::bigint[], :command_id::uuid[], :before_content::text[],
            :content::text[])
    as e (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id, old_content,
          new_content)

-- name: http_edits
-- Edits that are to be undone, oldest first, with what their cells hold now. Exactly one of the three says which.
select e.id, e.cell_id, e.old_content, e.new_content, e.row_number, e.column_id, k.title, k.operator,
    e.edit_type, c.id is not null and k.deleted_at is null as is_there, c.content, c.version, c.is_formula
from cell_edit_events e
left join cells c on c.id = e.cell_id
left join sheet_columns k on k.id = coalesce(c.column_id, e.column_id)
where e.spreadsheet_id = :spreadsheet_id::uuid
  and (e.id = any (:edit_ids::uuid[])
       or e.command_id = :command_id::uuid and e.created_at > now() - interval '90 days'
       or e.task_id = :task_id::uuid)
order by e.cell_id, e.id
limit :most::int

-- name: http_deleted
-- Columns and rows that can be brought back, the newest first.
select 'column' as kind, k.id, k.title, k.deleted_at as at, null::int as first_row, null::int as last_row, null::bool as keep_gap
from sheet_columns k where k.spreadsheet_id = :spreadsheet_id::uuid and k.deleted_at is not null
union all
select 'rows', s.id, null, s.created_at, (s.before ->> 'first_row')::int, (s.before ->> 'last_row')::int,
    (s.after ->> 'keep_gap')::bool
from sheet_edit_events s
where s.spreadsheet_id = :spreadsheet_id::uuid and s.action = 'rows_deleted'
  and exists (select from removed_cells r where r.event_id = s.id)
order by at desc limit 100

-- name: http_moved_cells
-- How many cells stand in the rows from one to another, as far as it matters.
select count(*)::int as cells from (
    select from cells c
    where c.column_id = any (array(select k.id from sheet_columns k where k.spreadsheet_id = :spreadsheet_id::uuid))
      and c.row_number between :first_row::int and :last_row::int
    limit 200001) found

-- name: http_user
select u.id from users u where lower(u.email) = lower(:email::text)

-- name: http_rows
-- Rows that are shown otherwise than all others.
select r.row_number as row, r.height, coalesce(r.is_visible, true) as is_visible
from sheet_rows r where r.spreadsheet_id = :spreadsheet_id::uuid and (r.height is not null or r.is_visible is false)
order by r.row_number limit 5000
