-- The audit is append-only, for its owner too: a row that can be corrected proves nothing. Retention says what it does
-- (rowmill.retaining) and goes by age alone. Per statement, and not for INSERT: writing audit costs nothing more.
create or replace function rowmill.keep_audit() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if current_setting('rowmill.retaining', true) = 'on' then
        return null;
    end if;
    raise exception '% is append-only: % is refused; retention removes what is old', tg_relid::regclass, lower(tg_op)
        using errcode = 'RM008', hint = 'a legal erasure says in its transaction: set local rowmill.retaining = ''on''';
end $$;

create or replace trigger robot_input_events_kept
before update or delete or truncate on public.robot_input_events
for each statement execute function rowmill.keep_audit();

create or replace trigger audit_events_kept
before update or delete or truncate on public.audit_events
for each statement execute function rowmill.keep_audit();
