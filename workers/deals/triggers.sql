-- What the database itself refuses, whoever writes: moves of drafts and deliveries that model/states.py does not list (a
-- test compares the two), another text under an approval, and a mail that has left changing afterwards.

create or replace function public.deals_draft_moves() returns table (from_status text, to_status text)
language sql immutable parallel safe
as $$
values ('pending', 'approved'), ('approved', 'sent'), ('approved', 'pending'),
       ('pending', 'archived'), ('approved', 'archived'), ('sent', 'archived'),
       ('archived', 'pending'), ('archived', 'approved'), ('archived', 'sent')
$$;

create or replace function public.deals_delivery_moves() returns table (from_state text, to_state text)
language sql immutable parallel safe
as $$
values ('ready', 'sending'), ('sending', 'sent'), ('sending', 'ready'), ('sending', 'refused'), ('sending', 'uncertain'),
       ('uncertain', 'sent'), ('uncertain', 'ready'), ('refused', 'ready'), ('ready', 'refused')
$$;

create or replace function public.deals_guard_new_draft() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if new.status <> 'pending' then
        raise exception 'a draft begins as pending, not as %; insert it so and approve it', new.status
            using errcode = 'RM003';
    end if;
    return new;
end $$;

create or replace trigger email_drafts_begin before insert on public.email_drafts
for each row execute function public.deals_guard_new_draft();

create or replace function public.deals_guard_draft() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_text_changes constant boolean :=
        (new.final_body, new.current_version, new.draft_versions, new.ai_generated_body, new.edited_body)
        is distinct from (old.final_body, old.current_version, old.draft_versions, old.ai_generated_body, old.edited_body);
begin
    if new.status <> old.status
       and not exists (select from public.deals_draft_moves() m
                       where m.from_status = old.status and m.to_status = new.status) then
        raise exception 'draft % is % and cannot become %; read it again', old.id, old.status, new.status
            using errcode = 'RM003';
    end if;
    if old.status = 'archived' and new.status <> 'archived' and new.status <> old.archived_from then
        raise exception 'draft % was % before it was archived; restore it to that', old.id, old.archived_from
            using errcode = 'RM003';
    end if;
    if v_text_changes and (old.status in ('sent', 'archived') or new.status <> 'pending') then
        raise exception 'the text of draft % is fixed while it is %; take the approval back, or restore it, first',
            old.id, new.status using errcode = 'RM003';
    end if;
    if (v_text_changes or new.status = 'pending' and old.status = 'approved')
       and exists (select from public.email_deliveries y where y.draft_id = old.id and y.state in ('sending', 'uncertain')) then
        raise exception 'draft % is being sent, or may have been; say first what became of that mail', old.id
            using errcode = 'RM003';
    end if;
    if v_text_changes then  -- what was to be sent is no longer what was approved
        update public.email_deliveries y set state = 'refused', reply = 'the draft was changed', changed_at = now()
        where y.draft_id = old.id and y.state = 'ready';
    end if;
    return new;
end $$;

create or replace trigger email_drafts_guarded before update on public.email_drafts
for each row execute function public.deals_guard_draft();

create or replace function public.deals_guard_delivery() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if new.state <> old.state
       and not exists (select from public.deals_delivery_moves() m
                       where m.from_state = old.state and m.to_state = new.state) then
        raise exception 'the mail % is % and cannot become %; read it again', old.message_id, old.state, new.state
            using errcode = 'RM003';
    end if;
    if new.state = 'sending' and old.state <> 'sending'
       and not exists (select from public.email_drafts d
                       where d.id = new.draft_id and d.status = 'approved' and d.approved_sha256 = new.body_sha256) then
        raise exception 'draft % is not approved with this text; only an approved text is sent', new.draft_id
            using errcode = 'RM003';
    end if;
    if new.body is distinct from old.body
       or not (old.state = 'refused' and new.state = 'ready')
          and (new.message_id, new.recipient, new.subject) is distinct from (old.message_id, old.recipient, old.subject) then
        raise exception 'the mail % is fixed once it is made; change the draft and approve it again', old.message_id
            using errcode = 'RM003';
    end if;
    return new;
end $$;

create or replace trigger email_deliveries_guarded before update on public.email_deliveries
for each row execute function public.deals_guard_delivery();

-- A change by plain SQL gets a new version: whoever decided on the old row notices.
create or replace function public.deals_new_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.version := nextval('rowmill.version');
    return new;
end $$;

create or replace trigger deals_versioned before update on public.deals
for each row when (new.version is not distinct from old.version) execute function public.deals_new_version();
create or replace trigger spaces_versioned before update on public.spaces
for each row when (new.version is not distinct from old.version) execute function public.deals_new_version();
create or replace trigger email_drafts_versioned before update on public.email_drafts
for each row when (new.version is not distinct from old.version) execute function public.deals_new_version();
create or replace trigger inbound_emails_versioned before update on public.inbound_emails
for each row when (new.version is not distinct from old.version) execute function public.deals_new_version();

-- And it leaves an audit row with the login. The engine's commits write their own.
create or replace function public.deals_audit_sql() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_row constant jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
    if coalesce(current_setting('rowmill.committing', true), '') <> 'on' then
        insert into public.audit_events (workspace_id, entity, entity_id, action, before, after)
        values ((v_row ->> 'workspace_id')::uuid, tg_argv[0], v_row ->> 'id', 'sql_' || lower(tg_op),
                case when tg_op <> 'INSERT' then to_jsonb(old) end,
                jsonb_build_object('sql_user', session_user, 'row', case when tg_op <> 'DELETE' then to_jsonb(new) end));
    end if;
    return null;
end $$;

create or replace trigger deals_audited after insert or update or delete on public.deals
for each row execute function public.deals_audit_sql('deal');
create or replace trigger spaces_audited after insert or update or delete on public.spaces
for each row execute function public.deals_audit_sql('space');
create or replace trigger deal_spaces_audited after insert or update or delete on public.deal_spaces
for each row execute function public.deals_audit_sql('deal_space');
create or replace trigger email_drafts_audited after insert or update or delete on public.email_drafts
for each row execute function public.deals_audit_sql('draft');
create or replace trigger email_deliveries_audited after insert or update or delete on public.email_deliveries
for each row execute function public.deals_audit_sql('delivery');

-- Why drafts are rejected: archived ones by reason and by what they were before.
create or replace view public.draft_archive_reasons with (security_invoker = true) as
select d.workspace_id, coalesce(nullif(btrim(d.archive_reason), ''), '(none given)') as reason, d.archived_from,
    count(*) as drafts, round(avg(d.confidence_score), 1) as mean_confidence, max(d.archived_at) as last_at
from public.email_drafts d
where d.status = 'archived'
group by 1, 2, 3;
