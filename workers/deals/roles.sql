-- Who may do what with deals. Nobody deletes: a deal ends by deleted_at, a draft by being archived. Runs as the owner, any
-- number of times; the row policies see to the workspaces.

revoke execute on function
    public.deals_draft_moves(), public.deals_delivery_moves(), public.deals_guard_new_draft(),
    public.deals_guard_draft(), public.deals_guard_delivery(), public.deals_new_version(), public.deals_audit_sql()
    from public;

do $$ begin
if (select count(*) from pg_roles
    where rolname in ('rowmill_producer', 'rowmill_worker', 'rowmill_monitor', 'rowmill_admin')) < 4 then
    return;
end if;
grant select, insert, update on public.deals, public.spaces, public.deal_spaces, public.inbound_emails,
    public.email_drafts, public.email_deliveries to rowmill_worker;
grant select, insert on public.emails to rowmill_worker;
grant usage on sequence public.deals_id_seq, public.spaces_id_seq to rowmill_worker;
grant select on public.draft_archive_reasons to rowmill_worker;
end $$;
