-- Who may do what with work orders. A worker reads and writes those of one workspace at a time: the row policies see to
-- that. Runs as the owner, any number of times; an application's own role gets the same grants as the worker, by name.

revoke execute on function
    public.work_orders_number_key(text), public.work_orders_field_name(text), public.work_orders_named(jsonb),
    public.work_orders_fields(public.work_orders),
    public.work_orders_readable(jsonb), public.work_orders_set(uuid, jsonb),
    public.work_orders_audit(uuid, text, uuid, text, jsonb, jsonb, jsonb),
    public.work_orders_ask(uuid, text, uuid, uuid, uuid, jsonb), public.work_orders_settle(uuid),
    public.work_orders_apply(uuid, text, jsonb, jsonb), public.work_orders_revise(uuid, uuid, jsonb, jsonb),
    public.work_orders_hold_number(uuid, text), public.work_orders_match_waiting(uuid, text, jsonb),
    public.work_orders_move_match(uuid, uuid, jsonb), public.work_orders_take_up(uuid[]),
    public.work_orders_record_reading(uuid, text, text, integer, text, jsonb, jsonb, jsonb, integer, jsonb),
    public.ingest_work_order(uuid, text, text, bigint, text, jsonb, jsonb, jsonb),
    public.work_orders_check_file(uuid, text),
    public.ingest_signed(uuid, text, text, bigint, text, jsonb, text, text, jsonb, text, text, jsonb),
    public.work_orders_record_signed(uuid, text, text, integer, text, text, jsonb, jsonb, integer, jsonb),
    public.work_orders_doubt(uuid, text, text, jsonb, text), public.work_orders_match(uuid, jsonb),
    public.work_orders_bind(uuid, uuid, jsonb), public.work_orders_rematch(uuid, uuid, boolean, jsonb),
    public.work_orders_accept(public.work_order_reviews, jsonb, jsonb), public.work_orders_merge(uuid, uuid, jsonb),
    public.work_orders_twins(uuid), public.work_orders_ask_twins(uuid, uuid),
    public.work_orders_same_as(public.work_orders, text, jsonb),
    public.work_orders_correct(public.work_orders, jsonb, jsonb),
    public.work_orders_join(public.work_orders, uuid, uuid, jsonb, jsonb),
    public.work_orders_resolve(uuid, text, jsonb, jsonb),
    public.get_or_create_workspace(text, text, text, boolean),
    public.work_orders_schedule(), public.work_orders_export(uuid[]), public.work_orders_changed(),
    public.signed_match_changed(), public.export_jobs_enqueue(), public.work_orders_adopt(),
    public.work_orders_new_workspace(uuid)
    from public;

do $$ begin
if (select count(*) from pg_roles
    where rolname in ('rowmill_producer', 'rowmill_worker', 'rowmill_monitor', 'rowmill_admin')) < 4 then
    return;
end if;
grant select on public.work_order_settings to rowmill_worker;
grant select, insert on public.fm_profiles to rowmill_worker;
grant select, insert, update on public.work_order_sources, public.signed_documents, public.work_order_reviews,
    public.export_jobs to rowmill_worker;
grant select, insert, update, delete on public.work_orders, public.signed_match, public.extraction_runs to rowmill_worker;
grant execute on function
    public.work_orders_number_key(text), public.work_orders_field_name(text), public.work_orders_named(jsonb),
    public.work_orders_fields(public.work_orders),
    public.work_orders_readable(jsonb), public.work_orders_set(uuid, jsonb),
    public.work_orders_audit(uuid, text, uuid, text, jsonb, jsonb, jsonb),
    public.work_orders_ask(uuid, text, uuid, uuid, uuid, jsonb), public.work_orders_settle(uuid),
    public.work_orders_apply(uuid, text, jsonb, jsonb), public.work_orders_revise(uuid, uuid, jsonb, jsonb),
    public.work_orders_hold_number(uuid, text), public.work_orders_match_waiting(uuid, text, jsonb),
    public.work_orders_move_match(uuid, uuid, jsonb), public.work_orders_take_up(uuid[]),
    public.work_orders_record_reading(uuid, text, text, integer, text, jsonb, jsonb, jsonb, integer, jsonb),
    public.ingest_work_order(uuid, text, text, bigint, text, jsonb, jsonb, jsonb),
    public.work_orders_check_file(uuid, text),
    public.ingest_signed(uuid, text, text, bigint, text, jsonb, text, text, jsonb, text, text, jsonb),
    public.work_orders_record_signed(uuid, text, text, integer, text, text, jsonb, jsonb, integer, jsonb),
    public.work_orders_doubt(uuid, text, text, jsonb, text), public.work_orders_match(uuid, jsonb),
    public.work_orders_bind(uuid, uuid, jsonb), public.work_orders_rematch(uuid, uuid, boolean, jsonb),
    public.work_orders_accept(public.work_order_reviews, jsonb, jsonb), public.work_orders_merge(uuid, uuid, jsonb),
    public.work_orders_twins(uuid), public.work_orders_ask_twins(uuid, uuid),
    public.work_orders_same_as(public.work_orders, text, jsonb),
    public.work_orders_correct(public.work_orders, jsonb, jsonb),
    public.work_orders_join(public.work_orders, uuid, uuid, jsonb, jsonb),
    public.work_orders_resolve(uuid, text, jsonb, jsonb)
    to rowmill_worker;
grant execute on function public.get_or_create_workspace(text, text, text, boolean) to rowmill_admin;
end $$;
