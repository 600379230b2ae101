-- What each role may do with the engine's tables, views and functions. Runs as the owner, any number of times; grants are
-- given where the roles exist. tests/core/roles/test_matrix.py holds the whole result as one table.

-- Nobody calls the engine's functions unless a line below says so; the two plain ones about one's own setting are in
-- every row policy.
revoke execute on all functions in schema rowmill, monitoring from public;
grant execute on function rowmill.current_workspace(), rowmill.default_workspace() to public;
revoke execute on function
    public.enqueue_task(text, jsonb, int, timestamptz, text, text, int, uuid), public.cancel_task(uuid),
    public.retry_task(uuid), public.pause_operator(text, text), public.resume_operator(text),
    public.explain_task(uuid), public.explain_task_json(uuid), public.arm_bell(text, timestamptz),
    public.signal_task(uuid, jsonb, uuid), public.signal_task(text, jsonb, uuid, uuid),
    public.schedule_task(text, text, text, jsonb, text, uuid, text), public.unschedule_task(text),
    public.pause_schedule(text), public.resume_schedule(text), public.run_schedule(text)
    from public;

do $$
declare
    v_called regprocedure;
begin
if (select count(*) from pg_roles
    where rolname in ('rowmill_producer', 'rowmill_worker', 'rowmill_monitor', 'rowmill_admin')) < 4 then
    raise notice 'no grants were given: the roles of Rowmill do not exist; see sql/roles/1_roles.sql';
    return;
end if;

grant usage on schema rowmill to rowmill_producer, rowmill_worker, rowmill_monitor, rowmill_admin;
grant usage on schema monitoring to rowmill_worker, rowmill_monitor, rowmill_admin;

-- Producer: a whole-table INSERT, because an ORM lists every column; the row policy pins what a new task looks like. It
-- sees the course of its own tasks, and never a payload, an output or an error.
grant insert on public.task_queue to rowmill_producer;
grant select (id, task_type, status, priority, attempts, max_attempts, scheduled_for, started_at, completed_at, failed_at,
    created_at, run_no, dedupe_key, workspace_id, enqueued_by) on public.task_queue to rowmill_producer;
grant select on rowmill.task_types to rowmill_producer, rowmill_worker, rowmill_monitor, rowmill_admin;
grant execute on function rowmill.uuid7(), rowmill.enqueue_workspaces(),
    public.enqueue_task(text, jsonb, int, timestamptz, text, text, int, uuid), public.cancel_task(uuid),
    public.explain_task(uuid), public.explain_task_json(uuid),
    public.signal_task(uuid, jsonb, uuid), public.signal_task(text, jsonb, uuid, uuid)
    to rowmill_producer, rowmill_worker, rowmill_admin;

-- Worker: what the engine's statements need. It deletes no task and no audit: retention does, as the owner.
grant select, insert, update on public.task_queue to rowmill_worker;
grant select, insert on public.robot_input_events, public.audit_events to rowmill_worker;
grant select, insert, update, delete on rowmill.workers, rowmill.gate, rowmill.task_stats, rowmill.commands,
    rowmill.waits, rowmill.signals to rowmill_worker;
grant insert, update on rowmill.task_types to rowmill_worker;
grant select, update on rowmill.schedules to rowmill_worker;
grant select on rowmill.holds, rowmill.alembic_version to rowmill_worker;
grant usage on sequence rowmill.version to rowmill_worker;
grant execute on all functions in schema rowmill to rowmill_worker;
grant execute on function public.arm_bell(text, timestamptz) to rowmill_worker, rowmill_admin;

-- Monitor: the views and what they call, nothing else. The views show no payload, no key and no error's words.
grant select on all tables in schema monitoring to rowmill_worker, rowmill_monitor, rowmill_admin;
grant select on rowmill.alembic_version, rowmill.recoveries to rowmill_monitor, rowmill_admin;
for v_called in
    select distinct d.refobjid::regprocedure
    from pg_depend d
    join pg_rewrite w on w.oid = d.objid
    join pg_class v on v.oid = w.ev_class
    join pg_proc p on p.oid = d.refobjid
    where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_proc'::regclass
      and v.relnamespace = 'monitoring'::regnamespace and p.pronamespace = 'rowmill'::regnamespace
loop
    execute format('grant execute on function %s to rowmill_monitor, rowmill_admin', v_called);
end loop;
grant execute on function rowmill.server_identity(), public.explain_task(uuid), public.explain_task_json(uuid)
    to rowmill_monitor, rowmill_admin;

-- Admin: sees everything of the queue, changes it through functions; holds and bindings are plain tables.
grant select on public.task_queue, public.robot_input_events, public.audit_events, rowmill.workers, rowmill.gate,
    rowmill.task_stats, rowmill.commands, rowmill.schedules, rowmill.limits, rowmill.waits, rowmill.signals to rowmill_admin;
grant select, insert, update, delete on rowmill.holds, rowmill.producers to rowmill_admin;
grant execute on function public.retry_task(uuid), public.pause_operator(text, text), public.resume_operator(text),
    rowmill.drain_worker(text), public.schedule_task(text, text, text, jsonb, text, uuid, text),
    public.unschedule_task(text), public.pause_schedule(text), public.resume_schedule(text), public.run_schedule(text)
    to rowmill_admin;

-- The engine serves all workspaces: a worker claims whatever is due, an admin sees what goes wrong. Everybody else falls
-- under the policies of the revision that made them.
if not exists (select from pg_policy where polname = 'task_queue_of_workers') then
    create policy task_queue_of_workers on public.task_queue to rowmill_worker using (true) with check (true);
    create policy task_queue_of_admins on public.task_queue for select to rowmill_admin using (true);
    create policy audit_events_of_admins on public.audit_events for select to rowmill_admin using (true);
end if;
end $$;
