-- The names of the first specification, as views over the tables that took their place. Optional, and for as long as old
-- code needs them: psql "$DATABASE_URL" -f sql/compat/websurfing.sql. Nothing of Rowmill uses them.
--
-- What is simple (one table, plain columns) can be written through: an INSERT into websurfing_task_queue is an INSERT into
-- task_queue, with its defaults, checks, row policies and bell. The audit is read-only under any name. Rights are those of
-- the caller on the tables, so grant both: the view and what lies beneath.

create or replace view public.websurfing_task_queue with (security_invoker) as
select id, task_type, payload, status, priority, attempts, max_attempts, scheduled_for, started_at, completed_at,
    failed_at, error_message, worker_id, created_at, updated_at
from public.task_queue;

create or replace view public.websurfing_spreadsheet with (security_invoker) as
select id, name, description, owner_id, is_public, default_columns, default_rows, created_at, updated_at
from public.spreadsheets
where deleted_at is null;

create or replace view public.websurfing_column with (security_invoker) as
select id, spreadsheet_id, position, title, width, is_visible, created_at
from public.sheet_columns
where deleted_at is null;

create or replace view public.websurfing_cell with (security_invoker) as
select id, spreadsheet_id, column_id, row_number, content, formatted_content, cell_type, is_formula, created_at, updated_at
from public.cells;

-- A robot's edits have a task and plain SQL a login; the specification knew users alone.
create or replace view public.websurfing_cell_edit_event with (security_invoker) as
select e.id, e.cell_id, coalesce(u.external_id, e.user_id::text, e.sql_user) as user_id, e.old_content, e.new_content,
    e.edit_type, e.created_at
from public.cell_edit_events e
left join public.users u on u.id = e.user_id;

-- One row per run of a task, so its id is made of both.
create or replace view public.websurfing_robot_input_event with (security_invoker) as
select md5(r.task_id || ':' || r.run_no)::uuid as id, r.cell_id, r.task_id, r.operator_type, r.input_data, r.output_data,
    r.processing_time_ms, r.success, r.error_message, r.created_at
from public.robot_input_events r;

do $$ begin
if exists (select from pg_roles where rolname = 'rowmill_producer') then
    grant insert, select (id) on public.websurfing_task_queue to rowmill_producer;
end if;
end $$;
