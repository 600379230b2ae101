Transformer sessions. A session's row says at which step it is and what earlier steps have found; the work of a step is a
task. Entities are locked in the order of their `.lock`: sheets, cells and columns stand before sessions.

-- name: transformer_sessions.lock
with held as (
    select s.id, s.version, s.spreadsheet_id, s.current_step from transformer_sessions s
    where s.id = any (:key::uuid[]) order by s.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.spreadsheet_id, h.current_step, s.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join transformer_sessions s on s.id = i.id
left join held h on h.id = i.id

-- name: transformer_sessions.versions
select i.ord, s.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join transformer_sessions s on s.id = i.id

-- name: session reads transformer_sessions
select i.ord, s.id as _target, s.version as _version, s.spreadsheet_id, s.kind, s.initial_input::text as initial_input,
    s.current_step, s.step_data::text as step_data, s.is_completed, s.cancelled_at
from unnest(:session_id::uuid[]) with ordinality as i (session_id, ord)
join transformer_sessions s on s.id = i.session_id

-- name: cells_of_column
-- One record: every cell of a column, blank ones included.
select i.ord, v.ids, v.rows, v.contents
from unnest(:column_id::uuid[]) with ordinality as i (column_id, ord)
cross join lateral (
    select array_agg(c.id order by c.row_number) as ids, array_agg(c.row_number order by c.row_number) as rows,
        array_agg(c.content order by c.row_number) as contents
    from cells c where c.column_id = i.column_id) v

-- name: pages_of_column
-- One record: the cells that fetch a page, what came of it, and whether a task is still at it.
select i.ord, v.rows, v.errors, v.live
from unnest(:column_id::uuid[]) with ordinality as i (column_id, ord)
cross join lateral (
    select array_agg(c.row_number order by c.row_number) as rows,
        array_agg(c.formatted_content ->> 'error' order by c.row_number) as errors,
        coalesce(bool_or(c.state = 'stale'), false) as live
    from sheet_cells c where c.column_id = i.column_id) v

-- name: start_session
insert into transformer_sessions (id, spreadsheet_id, workspace_id, kind, session_name, initial_input, started_by)
select * from unnest(:session_id::uuid[], :spreadsheet_id::uuid[], :workspace_id::uuid[], :kind::text[],
                     :session_name::text[], :initial_input::jsonb[], :user_id::uuid[])

-- name: start_session.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'session_started',
    jsonb_build_object('session', e.session_id, 'kind', e.kind, 'name', e.session_name, 'input', e.initial_input),
    e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :session_id::uuid[], :kind::text[], :session_name::text[], :initial_input::jsonb[],
            :user_id::uuid[], :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, session_id, kind, session_name, initial_input, user_id, task_id, run_no, command_id)

-- name: finish_step
-- The next step's task is inserted by what records the end of this one: there is never none, and never two.
with moved as (
    update transformer_sessions s
    set step_data = s.step_data || jsonb_build_object(e.step::text, e.output),
        current_step = least(e.step + 1, s.total_steps), is_completed = e.step = s.total_steps,
        completed_at = case when e.step = s.total_steps then now() end, requires_user_input = false,
        user_input_prompt = null, user_input_schema = null, user_input_form = null,
        task_id = case when e.step < s.total_steps then rowmill.uuid7() else s.task_id end,
        version = nextval('rowmill.version'), updated_at = now()
    from unnest(:session_id::uuid[], :step::int[], :output::jsonb[]) as e (session_id, step, output)
    where s.id = e.session_id and s.current_step = e.step and not s.is_completed and s.cancelled_at is null
    returning s.*
)
insert into task_queue (id, task_type, payload, concurrency_key, workspace_id, parent_id)
select m.task_id, m.steps[m.current_step], jsonb_build_object('session_id', m.id, 'step', m.current_step),
    'session:' || m.id, m.workspace_id, e.task_id
from moved m
join unnest(:session_id::uuid[], :task_id::uuid[]) as e (session_id, task_id) on e.session_id = m.id
where not m.is_completed

-- name: finish_step.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'session_step_done', jsonb_build_object('session', e.session_id, 'step', e.step), e.user_id,
    e.task_id, e.run_no, e.command_id
from unnest(:before_spreadsheet_id::uuid[], :session_id::uuid[], :step::int[], :user_id::uuid[], :task_id::uuid[],
            :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, session_id, step, user_id, task_id, run_no, command_id)

-- name: ask_person
update transformer_sessions s
set requires_user_input = true, user_input_prompt = e.prompt, user_input_schema = e.schema, user_input_form = e.form,
    step_data = s.step_data || jsonb_build_object(e.step::text, e.found), version = nextval('rowmill.version'),
    updated_at = now()
from unnest(:session_id::uuid[], :step::int[], :prompt::text[], :schema::jsonb[], :form::jsonb[], :found::jsonb[])
    as e (session_id, step, prompt, schema, form, found)
where s.id = e.session_id and s.current_step = e.step

-- name: ask_person.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'session_asks', jsonb_build_object('session', e.session_id, 'step', e.step, 'prompt', e.prompt),
    e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:before_spreadsheet_id::uuid[], :session_id::uuid[], :step::int[], :prompt::text[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, session_id, step, prompt, user_id, task_id, run_no, command_id)

-- name: answer_session
-- The answer is a signal to the step that waits, in the transaction that takes the question away.
with answered as (
    update transformer_sessions s
    set requires_user_input = false, user_input_prompt = null, user_input_schema = null, user_input_form = null,
        version = nextval('rowmill.version'), updated_at = now()
    from unnest(:session_id::uuid[], :step::int[]) as e (session_id, step)
    where s.id = e.session_id and s.current_step = e.step and s.requires_user_input
    returning s.id, s.workspace_id, s.current_step
)
select public.signal_task(format('session:%s step %s', a.id, a.current_step), e.answer, e.command_id, a.workspace_id)
from answered a
join unnest(:session_id::uuid[], :answer::jsonb[], :command_id::uuid[]) as e (session_id, answer, command_id)
    on e.session_id = a.id

-- name: answer_session.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'session_answered', jsonb_build_object('session', e.session_id, 'step', e.step, 'answer', e.answer),
    e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:before_spreadsheet_id::uuid[], :session_id::uuid[], :step::int[], :answer::jsonb[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, session_id, step, answer, user_id, task_id, run_no, command_id)

-- name: retry_step
-- The same task again: it keeps the progress of what it has written.
with again as (
    update transformer_sessions s set version = nextval('rowmill.version'), updated_at = now()
    where s.id = any (:session_id::uuid[]) and not s.is_completed and s.cancelled_at is null
    returning s.task_id
)
select public.retry_task(a.task_id) from again a

-- name: retry_step.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'session_retried', jsonb_build_object('session', e.session_id, 'step', e.step), e.user_id,
    e.task_id, e.run_no, e.command_id
from unnest(:before_spreadsheet_id::uuid[], :session_id::uuid[], :before_current_step::int[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, session_id, step, user_id, task_id, run_no, command_id)

-- name: cancel_session
with gone as (
    update transformer_sessions s
    set cancelled_at = now(), requires_user_input = false, user_input_prompt = null, user_input_schema = null,
        user_input_form = null, version = nextval('rowmill.version'), updated_at = now()
    where s.id = any (:session_id::uuid[]) and not s.is_completed and s.cancelled_at is null
    returning s.task_id
)
select public.cancel_task(t.id)
from gone g
join task_queue t on t.id = g.task_id
where t.status in ('pending', 'processing', 'waiting')

-- name: cancel_session.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'session_cancelled', jsonb_build_object('session', e.session_id, 'step', e.step), e.user_id,
    e.task_id, e.run_no, e.command_id
from unnest(:before_spreadsheet_id::uuid[], :session_id::uuid[], :before_current_step::int[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, session_id, step, user_id, task_id, run_no, command_id)

-- name: replace_cell
update cells c
set content = e.content, formatted_content = null, cell_type = 'text', version = nextval('rowmill.version'),
    is_formula = coalesce(e.content like '=%', false) and spreadsheets_is_formula(c.column_id, e.content),
    updated_at = now()
from unnest(:cell_id::uuid[], :was::text[], :content::text[]) as e (cell_id, was, content)
where c.id = e.cell_id and c.content is not distinct from e.was and c.content is distinct from e.content

-- name: replace_cell.audit
insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id,
    old_content, new_content, edit_type)
select e.cell_id, e.spreadsheet_id, e.column_id, e.row_number, e.user_id, e.task_id, e.run_no, e.command_id,
    e.old_content, e.new_content, case when e.user_id is null then 'robot' else 'manual' end
from unnest(:cell_id::uuid[], :before_spreadsheet_id::uuid[], :before_column_id::uuid[], :before_row_number::int[],
            :user_id::uuid[], :task_id::uuid[], :run_no::bigint[], :command_id::uuid[], :before_content::text[],
            :was::text[], :content::text[])
    as e (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id, old_content, was,
          new_content)
where e.old_content is not distinct from e.was and e.old_content is distinct from e.new_content

-- name: http_sessions
-- Newest first, with what state each is in: that of its step's task where the row itself does not say it.
select s.id, s.spreadsheet_id, s.workspace_id, s.kind, s.session_name, s.initial_input::text as initial_input,
    s.current_step, s.total_steps, s.steps, s.step_data::text as step_data, s.requires_user_input, s.user_input_prompt,
    s.user_input_schema::text as user_input_schema, s.user_input_form::text as user_input_form, s.created_at,
    s.updated_at, s.completed_at, s.cancelled_at, s.task_id, s.version, u.email as started_by,
    case when s.cancelled_at is not null then 'cancelled' when s.is_completed then 'completed'
        when t.id is null or t.status in ('failed', 'cancelled') then 'failed'
        when s.requires_user_input then 'asks' else 'running' end as state,
    case when s.cancelled_at is not null or s.is_completed then null
        when t.id is null then 'the task of this step was deleted; start a new session'
        when t.status in ('failed', 'cancelled') then t.error_message end as problem,
    t.output -> 'rows_done' as rows_done
from transformer_sessions s
left join task_queue t on t.id = s.task_id
left join users u on u.id = s.started_by
where (:session_id::uuid is null or s.id = :session_id::uuid)
  and (:spreadsheet_id::uuid is null or s.spreadsheet_id = :spreadsheet_id::uuid)
order by s.created_at desc, s.id
limit :most::int

-- name: http_session_command
-- Whether this very command has been done to this session: its audit row tells.
select 1 from sheet_edit_events e
where e.command_id = :command_id::uuid and e.after ->> 'session' = :session_id::uuid::text
  and e.spreadsheet_id = (select s.spreadsheet_id from transformer_sessions s where s.id = :session_id::uuid)
limit 1
