-- Whose rows are these? Row policies compare a row's workspace with what the session has said:
--     set local app.workspace_id = '…'
-- Nothing said is no workspace: then nothing is seen. The engine says it from the claimed row, never from a payload.

-- Plain and inlined, so a policy costs a comparison; everybody may call it, it tells nothing but one's own setting.
create or replace function rowmill.current_workspace() returns uuid
language sql stable parallel safe
return nullif(current_setting('app.workspace_id', true), '')::uuid;

-- The one made at install: a task without a workspace belongs to it.
create or replace function rowmill.default_workspace() returns uuid
language sql immutable parallel safe
return '00000000-0000-4000-8000-000000000001'::uuid;

-- The workspaces this login may enqueue for. A login in rowmill.producers: those it is bound to, whatever its session
-- says. Any other: the one its session has said, else the default one.
create or replace function rowmill.enqueue_workspaces() returns uuid[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
select coalesce((select array_agg(p.workspace_id) from rowmill.producers p where p.login = session_user),
                array[coalesce(rowmill.current_workspace(), rowmill.default_workspace())])
$$;
