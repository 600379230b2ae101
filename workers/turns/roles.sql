-- Who may do what with turns. A worker reads and writes the rows of one workspace at a time: the row policies see to that.
-- The web process, a member of rowmill_worker and rowmill_admin, serves shapes. Runs as the owner, any number of times.

revoke execute on function
    public.turns_stamp(), public.turns_is_approved(public.approval_status, numeric),
    public.turns_check_step(public.approval_status, public.approval_status, numeric), public.turns_check(),
    public.turns_belong(), public.turns_approval_moved(), public.turns_audit(), public.sync_capture(), public.sync_capture_truncate(),
    public.sync_move(), public.sync_count_old(double precision, bigint), public.sync_prune(double precision, bigint)
    from public;

do $$
declare
    v_table text;
begin
if (select count(*) from pg_roles
    where rolname in ('rowmill_producer', 'rowmill_worker', 'rowmill_monitor', 'rowmill_admin')) < 4 then
    return;
end if;
grant select, insert, update, delete on public.properties, public.vendors, public.turn_stages, public.turns
    to rowmill_worker;
grant select, insert, update on public.turn_notices to rowmill_worker;
grant select on public.audit_logs, public.approval_steps, public.turn_policy to rowmill_worker;
grant select, update on public.turn_policy to rowmill_admin;
grant select on public.sync_outbox, public.sync_head to rowmill_worker;
grant update on public.sync_head to rowmill_worker;
grant select, delete on public.sync_feed to rowmill_worker;
grant select, insert, update, delete on public.sync_shapes, public.sync_chunks to rowmill_worker;
grant select, insert, update, delete on public.turn_operations to rowmill_worker;
grant execute on function
    public.sync_move(), public.sync_count_old(double precision, bigint), public.sync_prune(double precision, bigint)
    to rowmill_worker;

-- The web process serves people of all workspaces, and adds to every shape and every write what the person may: the
-- policies of one workspace are for workers. A login that is an administrator alone has no right on these tables.
foreach v_table in array array['properties', 'vendors', 'turn_stages', 'turns', 'turn_notices', 'audit_logs', 'sync_feed'] loop
    if not exists (select from pg_policy p where p.polname = v_table || '_of_admins') then
        execute format('create policy %I on public.%I to rowmill_admin using (true) with check (true)',
            v_table || '_of_admins', v_table);
    end if;
end loop;
end $$;
