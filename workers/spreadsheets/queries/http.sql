What the HTTP API asks. Whoever asks is `user_id`, null for one who may see everything. A sheet is seen by its owner, by
the members of its workspace, and by everybody where it is public; it is changed by the first two.

-- name: http_sheets
select s.id, s.workspace_id, s.name, s.description, s.owner_id, u.email as owner, s.is_public, s.created_at,
    s.updated_at,
    (select count(*) from sheet_columns k where k.spreadsheet_id = s.id and k.deleted_at is null)::int as columns
from spreadsheets s
join users u on u.id = s.owner_id
where s.deleted_at is null
  and (:user_id::uuid is null or s.owner_id = :user_id::uuid or s.is_public
       or exists (select from workspace_members m
                  where m.workspace_id = s.workspace_id and m.user_id = :user_id::uuid))
  and (:after::uuid is null
       or (s.name, s.id) > (select a.name, a.id from spreadsheets a where a.id = :after::uuid))
order by s.name, s.id
limit :most::int

-- name: http_sheet
select s.id, s.workspace_id, s.name, s.description, s.owner_id, u.email as owner, s.is_public, s.version,
    s.created_at, s.updated_at,
    :user_id::uuid is null or s.owner_id = :user_id::uuid
        or exists (select from workspace_members m
                   where m.workspace_id = s.workspace_id and m.user_id = :user_id::uuid) as may_edit,
    greatest(s.default_rows,
        (select coalesce(max(l.row_number), 0)
         from sheet_columns k
         cross join lateral (select max(c.row_number) as row_number from cells c where c.column_id = k.id) l
         where k.spreadsheet_id = s.id and k.deleted_at is null)) as rows
from spreadsheets s
join users u on u.id = s.owner_id
where s.id = :spreadsheet_id::uuid and s.deleted_at is null
  and (:user_id::uuid is null or s.owner_id = :user_id::uuid or s.is_public
       or exists (select from workspace_members m
                  where m.workspace_id = s.workspace_id and m.user_id = :user_id::uuid))

-- name: http_columns
select k.id, k.position, k.title, k.width, k.is_visible, k.operator, k.config::text as config, k.version,
    array(select n.input_column_id from column_inputs n where n.column_id = k.id order by n.ordinal) as inputs
from sheet_columns k
where k.spreadsheet_id = :spreadsheet_id::uuid and k.deleted_at is null
order by k.position

-- name: http_window
-- One range of an index per column, whatever else the table holds; with the place in the feed it is from, which is asked
-- for once and not for each cell: its epoch reads a file of the server.
select (select pg_current_snapshot()::text) as snapshot, (select public.spreadsheets_feed_epoch()) as epoch,
    extract(epoch from clock_timestamp())::bigint as now, c.id, c.column_id, c.row_number, c.content,
    c.formatted_content::text as formatted_content, c.cell_type, c.version, c.state
from (select 1) as one
left join (
    unnest(:column_id::uuid[]) with ordinality as i (column_id, ord)
    cross join lateral (
        select v.id, v.column_id, v.row_number, v.content, v.formatted_content, v.cell_type, v.version, v.state
        from sheet_cells v
        where v.column_id = i.column_id and v.row_number between :first_row::int and :last_row::int) c
) on true
order by c.row_number, i.ord

-- name: http_places
-- The cells behind what a batch of edits names: by id, or by row and column.
select i.ord, k.id is not null as place_exists, c.id, coalesce(c.column_id, i.column_id) as column_id,
    coalesce(c.row_number, i.row_number) as row_number, c.content, coalesce(c.version, 0) as version
from unnest(:cell_id::uuid[], :column_id::uuid[], :row_number::int[])
    with ordinality as i (cell_id, column_id, row_number, ord)
left join lateral (
    (select v.* from cells v where v.id = i.cell_id and v.spreadsheet_id = :spreadsheet_id::uuid limit 1)
    union all
    (select v.* from cells v
     where i.cell_id is null and v.spreadsheet_id = :spreadsheet_id::uuid and v.column_id = i.column_id
       and v.row_number = i.row_number limit 1)
) c on true
left join sheet_columns k
    on k.id = coalesce(c.column_id, i.column_id) and k.spreadsheet_id = :spreadsheet_id::uuid and k.deleted_at is null
order by i.ord

-- name: http_history
-- Newest first. A robot's change names its task and operator, a person's the person, one by SQL the login.
select e.id, e.old_content, e.new_content, e.edit_type, e.created_at, e.user_id, u.email as user_email,
    e.task_id, e.run_no, r.operator_type, e.sql_user, e.command_id
from cell_edit_events e
left join users u on u.id = e.user_id
left join robot_input_events r on r.task_id = e.task_id and r.run_no = e.run_no
where e.cell_id = :cell_id::uuid and e.spreadsheet_id = :spreadsheet_id::uuid
  and (:before::uuid is null or e.id < :before::uuid)
order by e.id desc
limit :most::int

-- name: http_workspace
-- Where a new sheet may be made: the workspaces of the person, the default one first.
select w.id from workspaces w
where (:workspace_id::uuid is null or w.id = :workspace_id::uuid)
  and (:user_id::uuid is null or w.id = '00000000-0000-4000-8000-000000000001'
       or exists (select from workspace_members m where m.workspace_id = w.id and m.user_id = :user_id::uuid))
order by w.id = '00000000-0000-4000-8000-000000000001' desc, w.id
limit 1
