What the demo asks and tells the database, in plain SQL: no engine function, no shortcut.

-- name: add_owner
insert into users (external_id, email, first_name) values ('demo', :email::text, 'Demo')
on conflict (email) do update set first_name = excluded.first_name
returning id

-- name: add_sheet
insert into spreadsheets (name, owner_id) values (:name::text, :owner_id::uuid) returning id

-- name: add_column
insert into sheet_columns (spreadsheet_id, position, title, operator, config)
values (:spreadsheet_id::uuid, :position::int, :title::text, :operator::text, :config::jsonb)
returning id

-- name: add_outputs
-- The parts of a page go where the columns of their names are.
update sheet_columns f
set config = (select jsonb_build_object('outputs', jsonb_object_agg(lower(k.title), k.id))
              from sheet_columns k
              where k.spreadsheet_id = f.spreadsheet_id and k.title in ('Title', 'Description', 'Text', 'Links'))
where f.id = :column_id::uuid

-- name: add_cells
insert into cells (spreadsheet_id, column_id, row_number, content)
select k.spreadsheet_id, k.id, c.row_number, c.content
from sheet_columns k
cross join lateral unnest(:contents::text[]) with ordinality as c (content, row_number)
where k.spreadsheet_id = :spreadsheet_id::uuid and k.title = :title::text

-- name: query_ms
select (sum(total_ms) / nullif(sum(calls), 0))::float8 as query_mean_ms from monitoring.slow_queries

-- name: add_inputs
insert into column_inputs (column_id, ordinal, input_column_id)
select :column_id::uuid, i.ordinal, i.id
from unnest(:input_ids::uuid[]) with ordinality as i (id, ordinal)

-- name: start_session
insert into transformer_sessions (kind, session_name, spreadsheet_id, initial_input)
values ('clean_contacts', 'Contacts of the fair', :spreadsheet_id::uuid, :given::jsonb)
returning id

-- name: owner
select id from users where external_id = 'demo'

-- name: enqueue
insert into task_queue (task_type, payload) values (:task_type::text, :payload::jsonb) returning id

-- name: source_cells
select c.id, c.row_number, k.title
from cells c join sheet_columns k on k.id = c.column_id
where k.spreadsheet_id = :spreadsheet_id::uuid and k.operator is null and c.row_number <= :last_row::int

-- name: edit_cell
update cells set content = :content::text where id = :cell_id::uuid

-- name: derived_cell_ids
select c.id
from cells c join sheet_columns k on k.id = c.column_id
where k.spreadsheet_id = :spreadsheet_id::uuid and k.operator is not null
order by c.id limit :most::int

-- name: state_of_task
select status, error_message, output from task_queue where id = :id::uuid

-- name: tally
select count(*) as tasks,
    count(*) filter (where status in ('completed', 'failed', 'cancelled')) as finished,
    count(*) filter (where status in ('pending', 'processing')) as live,
    (select count(*) from cell_edit_events where edit_type = 'robot') as filled
from task_queue

-- name: failures
select task_type, status, error_message, count(*) as tasks
from task_queue where status in ('failed', 'cancelled')
group by 1, 2, 3 order by 4 desc limit 10

-- name: figures
select count(*) as tasks,
    extract(epoch from max(completed_at) - min(started_at))::float8 as seconds,
    percentile_cont(0.5) within group (order by extract(epoch from started_at - scheduled_for) * 1000) as wait_p50,
    percentile_cont(0.99) within group (order by extract(epoch from started_at - scheduled_for) * 1000) as wait_p99,
    (select percentile_cont(0.5) within group (order by processing_time_ms) from robot_input_events) as run_p50,
    (select percentile_cont(0.99) within group (order by processing_time_ms) from robot_input_events) as run_p99,
    (select count(*) from robot_input_events) as runs,
    (select count(*) from cell_edit_events) as edits,
    (select count(*) from cell_edit_events where edit_type = 'robot') as robot_edits
from task_queue where status = 'completed'

-- name: all_cells
-- Of a formula what it shows.
select c.id, c.row_number, k.title, k.operator is not null as derived, c.cell_type,
    case when c.is_formula then c.formatted_content ->> 'value' else c.content end as content
from cells c join sheet_columns k on k.id = c.column_id
where k.spreadsheet_id = :spreadsheet_id::uuid

-- name: all_edits
select cell_id, task_id, sql_user, old_content, new_content
from cell_edit_events where spreadsheet_id = :spreadsheet_id::uuid
order by created_at, id

-- name: column
select k.id from sheet_columns k where k.spreadsheet_id = :spreadsheet_id::uuid and k.title = :title::text
