Locks and writers of what people do with sheets, columns and cells. Every change of a sheet's structure leaves a row in
`sheet_edit_events`; one by plain SQL leaves it through the triggers.

-- name: sheet_columns.lock
with held as (
    select k.id, k.version, k.spreadsheet_id, k.title, k.width, k.is_visible, k.operator, k.config,
        (select coalesce(jsonb_agg(n.input_column_id order by n.ordinal), '[]')
         from column_inputs n where n.column_id = k.id) as inputs
    from sheet_columns k
    where k.id = any (:key::uuid[]) order by k.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.spreadsheet_id, h.title, h.width, h.is_visible, h.operator,
    h.config::text as config, h.inputs::text as inputs, k.xmax::text as locker
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join sheet_columns k on k.id = i.id
left join held h on h.id = i.id

-- name: spreadsheets.versions
select i.ord, s.version
from unnest(:key::uuid[]) with ordinality as i (id, ord)
join spreadsheets s on s.id = i.id

-- name: change_spreadsheet
-- What is null stays as it is; a sheet that is deleted keeps its rows and its history.
update spreadsheets s
set name = coalesce(e.name, s.name), description = coalesce(e.description, s.description),
    deleted_at = case when e.deleted then coalesce(s.deleted_at, now()) end,
    version = nextval('rowmill.version'), updated_at = now()
from unnest(:spreadsheet_id::uuid[], :name::text[], :description::text[], :deleted::bool[])
    as e (spreadsheet_id, name, description, deleted)
where s.id = e.spreadsheet_id

-- name: change_spreadsheet.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, case when e.deleted then 'sheet_deleted' else 'sheet_changed' end,
    jsonb_strip_nulls(jsonb_build_object('name', e.name, 'description', e.description)), e.user_id, e.task_id,
    e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :name::text[], :description::text[], :deleted::bool[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, name, description, deleted, user_id, task_id, run_no, command_id)

-- name: append_column
-- Its sheet's row is locked: two columns appended at once get two positions.
with made as (
    insert into sheet_columns (id, spreadsheet_id, position, title, width, operator, config)
    select e.column_id, e.spreadsheet_id,
        (select coalesce(max(k.position), 0) + 1 from sheet_columns k
         where k.spreadsheet_id = e.spreadsheet_id and k.deleted_at is null),
        e.title, e.width, e.operator, e.config
    from unnest(:column_id::uuid[], :spreadsheet_id::uuid[], :title::text[], :width::int[], :operator::text[],
                :config::jsonb[]) as e (column_id, spreadsheet_id, title, width, operator, config)
    returning id
)
insert into column_inputs (column_id, ordinal, input_column_id)
select m.id, n.ordinal, n.input_id::uuid
from unnest(:column_id::uuid[], :input_ids::jsonb[]) as e (column_id, input_ids)
join made m on m.id = e.column_id
cross join lateral jsonb_array_elements_text(e.input_ids) with ordinality as n (input_id, ordinal)

-- name: append_column.audit
insert into sheet_edit_events (spreadsheet_id, column_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, e.column_id, 'column_added',
    jsonb_build_object('title', e.title, 'width', e.width, 'operator', e.operator, 'config', e.config,
                       'inputs', e.input_ids),
    e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[], :title::text[], :width::int[], :operator::text[],
            :config::jsonb[], :input_ids::jsonb[], :user_id::uuid[], :task_id::uuid[], :run_no::bigint[],
            :command_id::uuid[])
    as e (spreadsheet_id, column_id, title, width, operator, config, input_ids, user_id, task_id, run_no, command_id)

-- name: add_column.audit
insert into sheet_edit_events (spreadsheet_id, column_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, e.column_id, 'column_added', jsonb_build_object('title', e.title, 'position', e.position),
    e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :column_id::uuid[], :title::text[], :position::int[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, column_id, title, position, user_id, task_id, run_no, command_id)

-- name: change_column
-- The version follows operator, configuration and inputs alone, by the triggers: a new title makes nobody compute anew.
-- Inputs in three statements over rows of their own: what is too much goes, what differs changes, what is missing comes.
with wanted as (
    select e.column_id, n.ordinal, n.input_id::uuid
    from unnest(:column_id::uuid[], :input_ids::jsonb[]) as e (column_id, input_ids)
    cross join lateral jsonb_array_elements_text(e.input_ids) with ordinality as n (input_id, ordinal)
), gone as (
    delete from column_inputs c
    where c.column_id = any (:column_id::uuid[])
      and not exists (select from wanted w where w.column_id = c.column_id and w.ordinal = c.ordinal)
), changed as (
    update column_inputs c set input_column_id = w.input_id
    from wanted w
    where w.column_id = c.column_id and w.ordinal = c.ordinal and w.input_id <> c.input_column_id
), come as (
    insert into column_inputs (column_id, ordinal, input_column_id)
    select w.column_id, w.ordinal, w.input_id from wanted w
    where not exists (select from column_inputs c where c.column_id = w.column_id and c.ordinal = w.ordinal)
)
update sheet_columns k
set title = e.title, width = e.width, is_visible = e.is_visible, operator = e.operator, config = e.config,
    updated_at = now()
from unnest(:column_id::uuid[], :title::text[], :width::int[], :is_visible::bool[], :operator::text[],
            :config::jsonb[]) as e (column_id, title, width, is_visible, operator, config)
where k.id = e.column_id

-- name: change_column.audit
insert into sheet_edit_events (spreadsheet_id, column_id, action, before, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, e.column_id, 'column_changed',
    jsonb_build_object('title', e.old_title, 'width', e.old_width, 'is_visible', e.old_is_visible,
                       'operator', e.old_operator, 'config', e.old_config, 'inputs', e.old_inputs),
    jsonb_build_object('title', e.title, 'width', e.width, 'is_visible', e.is_visible, 'operator', e.operator,
                       'config', e.config, 'inputs', e.input_ids),
    e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:before_spreadsheet_id::uuid[], :column_id::uuid[], :before_title::text[], :before_width::int[],
            :before_is_visible::bool[], :before_operator::text[], :before_config::jsonb[], :before_inputs::jsonb[],
            :title::text[], :width::int[], :is_visible::bool[], :operator::text[], :config::jsonb[],
            :input_ids::jsonb[], :user_id::uuid[], :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, column_id, old_title, old_width, old_is_visible, old_operator, old_config, old_inputs,
          title, width, is_visible, operator, config, input_ids, user_id, task_id, run_no, command_id)

-- name: delete_column
with freed as (
    delete from column_inputs c where c.column_id = any (:column_id::uuid[])
)
update sheet_columns k set deleted_at = now(), updated_at = now()
where k.id = any (:column_id::uuid[]) and k.deleted_at is null

-- name: delete_column.audit
insert into sheet_edit_events (spreadsheet_id, column_id, action, before, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, e.column_id, 'column_deleted', jsonb_build_object('title', e.title), e.user_id, e.task_id,
    e.run_no, e.command_id
from unnest(:before_spreadsheet_id::uuid[], :column_id::uuid[], :before_title::text[], :user_id::uuid[],
            :task_id::uuid[], :run_no::bigint[], :command_id::uuid[])
    as e (spreadsheet_id, column_id, title, user_id, task_id, run_no, command_id)

-- name: put_cell
-- What a person enters: what was shown for the old content goes with it.
update cells c
set content = e.content, formatted_content = null, cell_type = 'text', version = nextval('rowmill.version'),
    is_formula = coalesce(e.content like '=%', false) and spreadsheets_is_formula(c.column_id, e.content),
    updated_at = now()
from unnest(:cell_id::uuid[], :content::text[]) as e (cell_id, content)
where c.id = e.cell_id and c.content is distinct from e.content

-- name: put_cell.insert
-- In the order of the places. A cell that somebody else has made there meanwhile keeps this one out, and the command
-- begins anew.
with wanted as (
    select * from unnest(:cell_id::uuid[], :spreadsheet_id::uuid[], :column_id::uuid[], :row_number::int[],
                         :content::text[])
        with ordinality as e (cell_id, spreadsheet_id, column_id, row_number, content, ord)
), made as (
    insert into cells (id, spreadsheet_id, column_id, row_number, content)
    select w.cell_id, w.spreadsheet_id, w.column_id, w.row_number, w.content from wanted w
    order by w.spreadsheet_id, w.column_id, w.row_number
    on conflict do nothing
    returning id
)
select w.ord from wanted w join made m on m.id = w.cell_id

-- name: put_cell.audit
insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id,
    old_content, new_content, edit_type)
select e.cell_id, e.spreadsheet_id, e.column_id, e.row_number, e.user_id, e.task_id, e.run_no, e.command_id,
    e.old_content, e.new_content, case when e.user_id is null then 'robot' else 'manual' end
from unnest(:cell_id::uuid[], :spreadsheet_id::uuid[], :column_id::uuid[], :row_number::int[],
            :user_id::uuid[], :task_id::uuid[], :run_no::bigint[], :command_id::uuid[], :before_content::text[],
            :content::text[])
    as e (cell_id, spreadsheet_id, column_id, row_number, user_id, task_id, run_no, command_id, old_content,
          new_content)
where e.old_content is distinct from e.new_content

-- name: answer_cells
-- What a batch of edits left behind, in its own transaction: part of the answer.
select i.ord, c.id as cell_id, c.column_id, c.row_number as row, c.content, c.version
from unnest(:cell_id::uuid[]) with ordinality as i (id, ord)
cross join lateral (select c.* from cells c where c.id = i.id limit 1) c
order by i.ord

-- name: answer_rows
-- Which rows this transaction has appended.
select (s.after ->> 'first_row')::int as first_row, (s.after ->> 'last_row')::int as last_row
from sheet_edit_events s
where s.spreadsheet_id = :spreadsheet_id::uuid and s.xact_id = pg_current_xact_id() and s.action = 'rows_added'
