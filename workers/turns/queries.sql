Named reads and writers of the tasks of turns.

-- name: turns.versions
select i.ord, t.version::bigint as version
from unnest(:key::uuid[]) with ordinality as i (id, ord) join turns t on t.id = i.id

-- name: turn_to_approve reads turns
select i.ord, t.id as _target, t.version::bigint as _version, t.id as turn, t.turn_id, t.approval_status::text as approval_status,
    t.turn_amount::text as amount, t.workspace_id, t.version as turn_version
from unnest(:id::uuid[]) with ordinality as i (id, ord) join turns t on t.id = i.id

-- name: approvers
-- Who may approve in a workspace: members with the role.
select i.ord, u.id as user_id
from unnest(:workspace_id::uuid[], :role::text[]) with ordinality as i (workspace_id, role, ord)
join workspace_members m on m.workspace_id = i.workspace_id
join users u on u.id = m.user_id and u.is_active and u.role::text = i.role
order by i.ord, u.id

-- name: overdue_turns
-- Active turns that should have been complete before a day, with those who manage them.
select i.ord, t.id as turn, t.turn_id, t.workspace_id, t.version as turn_version,
    t.expected_completion_date::text as expected, m.user_id
from unnest(:day::date[]) with ordinality as i (day, ord)
join turns t on t.expected_completion_date < i.day and t.is_active and t.turn_completion_date is null
join properties p on p.id = t.property_id
cross join lateral unnest(array[p.property_manager_id, p.sr_property_manager_id]) as m (user_id)
where m.user_id is not null
  and not exists (select from turn_notices n
                  where n.turn_id = t.id and n.user_id = m.user_id and n.kind = 'overdue' and n.turn_version = t.version)
order by i.ord, t.expected_completion_date, t.id
limit 5000

-- name: log_age
-- What may go. A read writes nothing: that of a bound login is in a read-only transaction.
select i.ord, public.sync_count_old(i.keep_s, 1000000) as old
from unnest(:keep_s::float8[]) with ordinality as i (keep_s, ord)

-- name: add_notice
insert into turn_notices (workspace_id, turn_id, user_id, kind, turn_version, told, task_id)
select e.workspace_id, e.turn_id, e.to_user_id, e.kind, e.turn_version, e.told, e.task_id
from unnest(:workspace_id::uuid[], :turn_id::uuid[], :to_user_id::uuid[], :kind::text[], :turn_version::int[],
            :told::text[], :task_id::uuid[])
    as e (workspace_id, turn_id, to_user_id, kind, turn_version, told, task_id)
on conflict do nothing

-- name: add_notice.audit
insert into audit_events (workspace_id, entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select e.workspace_id, 'turn', e.turn_id::text, e.kind, jsonb_build_object('user_id', e.to_user_id, 'told', e.told), e.task_id,
    e.run_no, e.user_id, e.command_id
from unnest(:workspace_id::uuid[], :turn_id::uuid[], :to_user_id::uuid[], :kind::text[], :told::text[], :task_id::uuid[],
            :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (workspace_id, turn_id, to_user_id, kind, told, task_id, run_no, user_id, command_id)

-- name: prune_log
select public.sync_prune((select max(e.keep_s) from unnest(:keep_s::float8[]) as e (keep_s)),
    (select max(e.most) from unnest(:most::int[]) as e (most)))

-- name: prune_log.audit
insert into audit_events (entity, entity_id, action, after, task_id, run_no, user_id, command_id)
select 'sync_feed', 'log', 'prune', jsonb_build_object('pruned', h.pruned, 'head', h.lsn), e.task_id, e.run_no, e.user_id,
    e.command_id
from unnest(:task_id::uuid[], :run_no::bigint[], :user_id::uuid[], :command_id::uuid[])
    as e (task_id, run_no, user_id, command_id)
cross join sync_head h

-- name: forget_shapes
-- A shape that is dropped is made anew for whoever asks; an answer is kept for longer than any device tries.
with shapes as (
    delete from sync_shapes s
    where s.used_at < clock_timestamp()
        - (select max(e.shapes_s) from unnest(:shapes_s::float8[]) as e (shapes_s)) * interval '1 second'
)
delete from turn_operations o
where o.created_at < clock_timestamp()
    - (select max(e.operations_s) from unnest(:operations_s::float8[]) as e (operations_s)) * interval '1 second'
