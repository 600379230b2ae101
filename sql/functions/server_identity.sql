-- Where this data lives. A base backup or a standby that was promoted changes the timeline, a dump that was loaded the
-- queue's oid, a new cluster the system identifier. Null is what may not be seen: on a standby, or on a managed server.
create or replace function rowmill.server_identity(
    out system_identifier text, out timeline int, out queue_oid bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
    queue_oid := 'public.task_queue'::regclass::oid::bigint;
    if not pg_is_in_recovery() then
        timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int;
    end if;
    select s.system_identifier::text into system_identifier from pg_control_system() s;
exception when insufficient_privilege or feature_not_supported then
    return;
end $$;
