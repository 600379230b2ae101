-- Work orders: the database is the authority. Ingestion, matching and what follows from them are functions, so that HTTP, the
-- command line, an application's own SQL and the workers do the very same. They run with the caller's rights; the triggers
-- run as their owner: whoever changes a work order or a match makes its export job in the same transaction.
--
-- An author is a jsonb object with user_id, command_id, task_id, run_no; what is absent is null.

-- How two spellings of one number are recognised: WO-0815, "wo 0815" and 0815 are the same, 815 is another.
create or replace function public.work_orders_number_key(p_number text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
    select nullif(regexp_replace(
        regexp_replace(upper(normalize(p_number, NFKC)), '[^[:alnum:]]', '', 'g'),
        '^(WORKORDER|ORDER|WO)?(NUMBER|NO|NR)?(?=[0-9])', ''), '')
$$;

-- What a work order says, as one document: empty fields are absent.
create or replace function public.work_orders_fields(p_order public.work_orders) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select jsonb_strip_nulls(jsonb_build_object('work_order_number', p_order.work_order_number,
        'customer_name', p_order.customer_name, 'site_address', p_order.site_address,
        'description', p_order.description, 'priority', p_order.priority, 'contact', p_order.contact,
        'ordered_on', p_order.ordered_on, 'due_on', p_order.due_on, 'amount', p_order.amount,
        'currency', p_order.currency)) || p_order.extra
$$;

-- The name of a field, however the caller's language writes it: workOrderNumber is work_order_number. Others stay.
create or replace function public.work_orders_field_name(p_name text) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
    select case when s.name in ('work_order_number', 'fm_key', 'customer_name', 'site_address', 'description', 'priority',
        'contact', 'ordered_on', 'due_on', 'amount', 'currency') then s.name else p_name end
    from (select lower(regexp_replace(p_name, '([a-z])([A-Z])', '\1_\2', 'g')) as name) s
$$;

create or replace function public.work_orders_named(p_fields jsonb) returns jsonb
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
    select coalesce(jsonb_object_agg(public.work_orders_field_name(f.key), f.value), '{}')
    from jsonb_each(coalesce(p_fields, '{}')) f
$$;

-- The same of what somebody read: blanks are absent. What is no date as 2026-01-31 and no number keeps its words under another
-- name; that, and what has no column, stands in `extra`.
create or replace function public.work_orders_readable(p_fields jsonb) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
    v_found jsonb := '{}';
    v_name text;
    v_value jsonb;
    v_text text;
begin
    for v_name, v_value in select f.key, f.value from jsonb_each(public.work_orders_named(p_fields)) f loop
        v_text := nullif(btrim(v_value #>> '{}'), '');
        continue when v_text is null or v_name = 'fm_key';
        begin
            v_found := v_found || case
                when v_name in ('ordered_on', 'due_on') and v_text ~ '^\d{4}-\d\d-\d\d'
                    then jsonb_build_object(v_name, left(v_text, 10)::date)
                when v_name in ('ordered_on', 'due_on') then jsonb_build_object(v_name || '_as_written', v_text)
                when v_name = 'amount' and v_text !~* 'nan' then jsonb_build_object(v_name, v_text::numeric(14, 2))
                when v_name = 'amount' or (v_name = 'currency' and length(v_text) <> 3)
                        or (v_name = 'work_order_number' and length(v_text) > 200)
                    then jsonb_build_object(v_name || '_as_written', v_text)
                else jsonb_build_object(v_name, v_text) end;
        exception when data_exception then
            v_found := v_found || jsonb_build_object(v_name || '_as_written', v_text);
        end;
    end loop;
    return v_found;
end $$;

-- Writes the named fields of an order; the others stay.
create or replace function public.work_orders_set(p_id uuid, p_values jsonb) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    update public.work_orders w
    set work_order_number = coalesce(p_values ->> 'work_order_number', w.work_order_number),
        number_key = public.work_orders_number_key(coalesce(p_values ->> 'work_order_number', w.work_order_number)),
        customer_name = coalesce(p_values ->> 'customer_name', w.customer_name),
        site_address = coalesce(p_values ->> 'site_address', w.site_address),
        description = coalesce(p_values ->> 'description', w.description),
        priority = coalesce(p_values ->> 'priority', w.priority),
        contact = coalesce(p_values ->> 'contact', w.contact),
        ordered_on = coalesce((p_values ->> 'ordered_on')::date, w.ordered_on),
        due_on = coalesce((p_values ->> 'due_on')::date, w.due_on),
        amount = coalesce((p_values ->> 'amount')::numeric, w.amount),
        currency = coalesce(p_values ->> 'currency', w.currency),
        fm_key = coalesce(p_values ->> 'fm_key', w.fm_key),
        extra = w.extra || (p_values - array['work_order_number', 'fm_key', 'customer_name', 'site_address',
            'description', 'priority', 'contact', 'ordered_on', 'due_on', 'amount', 'currency']),
        version = nextval('rowmill.version'), updated_at = now()
    where w.id = p_id
$$;

create or replace function public.work_orders_audit(p_workspace_id uuid, p_entity text, p_id uuid, p_action text,
    p_before jsonb, p_after jsonb, p_author jsonb) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    insert into public.audit_events (workspace_id, entity, entity_id, action, before, after, task_id, run_no, user_id,
        command_id)
    values (p_workspace_id, p_entity, p_id::text, p_action, p_before, p_after, (p_author ->> 'task_id')::uuid,
        (p_author ->> 'run_no')::bigint, (p_author ->> 'user_id')::uuid, (p_author ->> 'command_id')::uuid)
$$;

-- An open question for a person, once: the same one about the same document, or about an order without one, is written over.
create or replace function public.work_orders_ask(p_workspace_id uuid, p_kind text, p_work_order_id uuid,
    p_source_id uuid, p_signed_id uuid, p_details jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    update public.work_order_reviews r
    set details = p_details, work_order_id = p_work_order_id, version = nextval('rowmill.version')
    where r.resolution is null and r.kind = p_kind and r.workspace_id = p_workspace_id
      and (r.source_id, r.signed_document_id) is not distinct from (p_source_id, p_signed_id)
      and (num_nonnulls(p_source_id, p_signed_id) > 0 or r.work_order_id = p_work_order_id);
    if not found then
        insert into public.work_order_reviews (workspace_id, kind, work_order_id, source_id, signed_document_id, details)
        values (p_workspace_id, p_kind, p_work_order_id, p_source_id, p_signed_id, p_details);
    end if;
end $$;

-- An order is in review while a question about it is open.
create or replace function public.work_orders_settle(p_id uuid) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    update public.work_orders w
    set status = s.status, version = nextval('rowmill.version'), updated_at = now()
    from (select case when exists (select from public.work_order_reviews r
                                   where r.work_order_id = p_id and r.resolution is null) then 'REVIEW'
              else 'READY' end as status) s
    where w.id = p_id and w.status <> s.status
$$;

-- Gives what was read from one PDF to the order it belongs to. A number that is known already makes this PDF a further source
-- and a new revision of that order, and the order that was made for it goes: there is never a second one.
create or replace function public.work_orders_apply(p_source_id uuid, p_fm_key text, p_fields jsonb, p_author jsonb)
returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_source public.work_order_sources;
    v_order public.work_orders;
    v_known public.work_orders;
    v_read jsonb := public.work_orders_readable(p_fields);
    v_key text := public.work_orders_number_key(v_read ->> 'work_order_number');
    v_fm text := left(coalesce(p_fm_key, ''), 100);
begin
    select s.* into v_source from public.work_order_sources s where s.id = p_source_id for update;
    select w.* into v_order from public.work_orders w where w.id = v_source.work_order_id for update;
    v_fm := coalesce(nullif(v_fm, ''), v_order.fm_key);
    if v_key is null then
        perform public.work_orders_ask(v_source.workspace_id, 'no_number', v_order.id, p_source_id, null,
            jsonb_build_object('read', v_read));
        perform public.work_orders_set(v_order.id, v_read - array(select jsonb_object_keys(
            public.work_orders_fields(v_order)))
            || case when v_order.number_key is null then jsonb_build_object('fm_key', v_fm) else '{}' end);
        perform public.work_orders_settle(v_order.id);
        return v_order.id;
    end if;
    if v_order.number_key is not null and v_order.number_key <> v_key then
        perform public.work_orders_ask(v_source.workspace_id, 'other_number', v_order.id, p_source_id, null,
            jsonb_build_object('fields', jsonb_build_object('work_order_number', jsonb_build_object(
                'is', v_order.work_order_number, 'read', v_read ->> 'work_order_number'))));
        perform public.work_orders_settle(v_order.id);
        return v_order.id;
    end if;
    perform public.work_orders_hold_number(v_source.workspace_id, v_key);
    loop
        select w.* into v_known from public.work_orders w
        where w.workspace_id = v_source.workspace_id and w.number_key = v_key
          and w.fm_key = case when v_order.number_key is null then v_fm else v_order.fm_key end
        for update;
        exit when found;
        begin
            update public.work_orders w set fm_key = v_fm, number_key = v_key where w.id = v_order.id;
            v_known := v_order;
            exit;
        exception when unique_violation then
            null;  -- somebody else was quicker with this number: look again
        end;
    end loop;
    if v_known.id <> v_order.id then
        perform public.work_orders_merge(v_order.id, v_known.id, p_author);
    end if;
    perform public.work_orders_revise(v_known.id, p_source_id, v_read, p_author);
    perform public.work_orders_ask_twins(v_known.id, p_source_id);
    perform public.work_orders_settle(v_known.id);
    perform public.work_orders_match_waiting(v_source.workspace_id, v_key, p_author);
    return v_known.id;
end $$;

-- An order that proves to be another one goes; its PDFs are further sources of that one, and their revisions later ones.
create or replace function public.work_orders_merge(p_from uuid, p_to uuid, p_author jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_from public.work_orders;
    v_to public.work_orders;
begin
    select w.* into v_from from public.work_orders w where w.id = p_from;
    select w.* into v_to from public.work_orders w where w.id = p_to;
    update public.work_order_sources s set work_order_id = p_to, revision = s.revision + v_to.revision
    where s.work_order_id = p_from;
    update public.work_orders w set revision = w.revision + v_from.revision where w.id = p_to and v_from.revision > 0;
    update public.work_order_reviews r set work_order_id = p_to where r.work_order_id = p_from;
    perform public.work_orders_move_match(p_from, p_to, p_author);
    delete from public.work_orders w where w.id = p_from;
    perform public.work_orders_audit(v_from.workspace_id, 'work_order', p_from, 'became_revision',
        public.work_orders_fields(v_from), jsonb_build_object('work_order_id', p_to), p_author);
end $$;

-- Others that may be this order: of its number, where the facility manager of one of the two is unknown.
create or replace function public.work_orders_twins(p_id uuid) returns uuid[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(w.id order by w.id), '{}')
    from public.work_orders o
    join public.work_orders w on w.workspace_id = o.workspace_id and w.number_key = o.number_key and w.id <> o.id
    where o.id = p_id and (w.fm_key = '' or o.fm_key = '')
$$;

create or replace function public.work_orders_ask_twins(p_id uuid, p_source_id uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_order public.work_orders;
    v_twins uuid[] := public.work_orders_twins(p_id);
begin
    select w.* into v_order from public.work_orders w where w.id = p_id;
    if v_twins = '{}' then
        update public.work_order_reviews r
        set resolution = 'dismissed', resolved_at = now(), version = nextval('rowmill.version')
        where r.work_order_id = p_id and r.kind = 'same_number' and r.resolution is null;
    else
        perform public.work_orders_ask(v_order.workspace_id, 'same_number', p_id, p_source_id, null,
            jsonb_build_object('work_order_number', v_order.work_order_number, 'others', cardinality(v_twins),
                'work_orders', to_jsonb(v_twins)));
    end if;
end $$;

-- A person may have matched a signed document with an order that proves to be a revision of another one. That one keeps its own.
create or replace function public.work_orders_move_match(p_from uuid, p_to uuid, p_author jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_signed uuid;
    v_other uuid;
begin
    delete from public.signed_match m where m.work_order_id = p_from returning m.signed_document_id into v_signed;
    if v_signed is not null and not public.work_orders_bind(v_signed, p_to, p_author) then
        select m.signed_document_id into v_other from public.signed_match m where m.work_order_id = p_to;
        perform public.work_orders_doubt(v_signed, 'REFUSED', 'signed_second',
            jsonb_build_object('work_order_id', p_to, 'signed_document_id', v_other),
            'its work order is a revision of one that has a signed document already');
    end if;
end $$;

-- An order and a signed document of one number that come at once see each other: one of them waits.
create or replace function public.work_orders_hold_number(p_workspace_id uuid, p_key text) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    select pg_advisory_xact_lock(hashtextextended('work_order_number:' || p_workspace_id || p_key, 0))
$$;

-- Signed documents that came before their order.
create or replace function public.work_orders_match_waiting(p_workspace_id uuid, p_key text, p_author jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.work_orders_match(d.id, p_author)
    from (select d.id from public.signed_documents d
          where d.workspace_id = p_workspace_id and d.number_key = p_key and d.state = 'REVIEW' order by d.id) d;
end $$;

-- A further reading of an order: fills in what was empty; what it says otherwise is asked about and not written.
create or replace function public.work_orders_revise(p_id uuid, p_source_id uuid, p_read jsonb, p_author jsonb)
returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_order public.work_orders;
    v_is jsonb;
    v_differ jsonb;
    v_revision integer;
begin
    select w.* into v_order from public.work_orders w where w.id = p_id;
    v_is := public.work_orders_fields(v_order);
    select s.revision into v_revision from public.work_order_sources s where s.id = p_source_id;
    if v_revision is null then
        v_revision := v_order.revision + 1;
        update public.work_orders w set revision = v_revision where w.id = p_id;
        update public.work_order_sources s set revision = v_revision where s.id = p_source_id;
    end if;
    perform public.work_orders_set(p_id, p_read - array(select jsonb_object_keys(v_is)));
    select jsonb_object_agg(f.key, jsonb_build_object('is', v_is -> f.key, 'read', f.value)) into v_differ
    from jsonb_each(p_read) f
    where v_is ? f.key and f.key <> 'work_order_number'
      and lower(btrim(v_is ->> f.key)) <> lower(btrim(f.value #>> '{}'));
    if v_differ is not null then
        perform public.work_orders_ask(v_order.workspace_id, 'fields_differ', p_id, p_source_id, null,
            jsonb_build_object('revision', v_revision, 'fields', v_differ));
    end if;
    perform public.work_orders_audit(v_order.workspace_id, 'work_order', p_id,
        case when v_revision = 1 then 'read' else 'revised' end, v_is,
        p_read || jsonb_build_object('revision', v_revision), p_author);
end $$;

-- One extraction run, and what follows from it.
create or replace function public.work_orders_record_reading(p_source_id uuid, p_source text, p_fm_key text,
    p_profile_version integer, p_outcome text, p_fields jsonb, p_found jsonb, p_warnings jsonb, p_duration_ms integer,
    p_author jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_source public.work_order_sources;
begin
    select s.* into v_source from public.work_order_sources s where s.id = p_source_id for update;
    if not found then
        return;
    end if;
    insert into public.extraction_runs (workspace_id, work_order_source_id, source, fm_key, profile_version, outcome,
        fields, warnings, duration_ms, task_id, run_no)
    values (v_source.workspace_id, p_source_id, p_source, left(coalesce(p_fm_key, ''), 100), p_profile_version, p_outcome,
        coalesce(p_found, '{}'), coalesce(p_warnings, '[]'), p_duration_ms, (p_author ->> 'task_id')::uuid,
        (p_author ->> 'run_no')::bigint);
    update public.work_order_sources s
    set state = case when p_outcome = 'FAILED' then 'FAILED' else 'READ' end, version = nextval('rowmill.version')
    where s.id = p_source_id;
    if p_outcome = 'FAILED' then
        perform public.work_orders_ask(v_source.workspace_id, 'unreadable', v_source.work_order_id, p_source_id, null,
            jsonb_build_object('warnings', p_warnings));
        perform public.work_orders_settle(v_source.work_order_id);
    else
        update public.work_order_reviews r
        set resolution = 'dismissed', resolved_at = now(), version = nextval('rowmill.version')
        where r.source_id = p_source_id and r.kind = 'unreadable' and r.resolution is null;
        perform public.work_orders_apply(p_source_id, p_fm_key, p_fields, p_author);
    end if;
end $$;

-- Registers a work order's PDF; its bytes lie in the blob store already. The same bytes again, or many times at once, answer the
-- same order and is_new = false. With p_fields the caller has read it himself; without, a task reads it.
create or replace function public.ingest_work_order(p_workspace_id uuid, p_file_hash text, p_blob text,
    p_size_bytes bigint, p_source_type text default 'UPLOAD', p_source_metadata jsonb default '{}',
    p_fields jsonb default null, p_author jsonb default '{}')
returns table (work_order_id uuid, is_new boolean, source_id uuid)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_order uuid := gen_random_uuid();
    v_source uuid := rowmill.uuid7();
begin
    perform public.work_orders_check_file(p_workspace_id, p_file_hash);
    perform pg_advisory_xact_lock(hashtextextended('work_order_source:' || p_workspace_id || p_file_hash, 0));
    select s.work_order_id, false, s.id into work_order_id, is_new, source_id
    from public.work_order_sources s where s.workspace_id = p_workspace_id and s.file_hash = p_file_hash;
    if found then
        return next;
        return;
    end if;
    insert into public.work_orders (id, workspace_id) values (v_order, p_workspace_id);
    insert into public.work_order_sources (id, workspace_id, work_order_id, answered_id, file_hash, blob, size_bytes,
        source_type, source_metadata)
    values (v_source, p_workspace_id, v_order, v_order, p_file_hash, p_blob, p_size_bytes, p_source_type,
        coalesce(p_source_metadata, '{}'));
    perform public.work_orders_audit(p_workspace_id, 'work_order', v_order, 'received', null,
        jsonb_build_object('source_id', v_source, 'source_type', p_source_type), p_author);
    if p_fields is null then
        insert into public.task_queue (task_type, payload, workspace_id, max_attempts)
        values ('work_orders.read', jsonb_build_object('source_id', v_source), p_workspace_id, 5);
    else
        perform public.work_orders_record_reading(v_source, 'caller', public.work_orders_named(p_fields) ->> 'fm_key', null,
            'OK', p_fields, p_fields, '[]', null, p_author);
    end if;
    select s.work_order_id, true, s.id into work_order_id, is_new, source_id
    from public.work_order_sources s where s.id = v_source;
    return next;
end $$;

create or replace function public.work_orders_check_file(p_workspace_id uuid, p_file_hash text) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
    if p_file_hash is null or p_file_hash !~ '^[0-9a-f]{64}$' then
        raise exception 'the file''s hash must be its SHA-256 in 64 small hexadecimal digits; hash the bytes, not the name'
            using errcode = 'RM002';
    elsif not exists (select from public.work_order_settings s where s.workspace_id = p_workspace_id) then
        raise exception 'the workspace % has no work orders yet; make it with get_or_create_workspace',
            coalesce(p_workspace_id::text, 'null') using errcode = 'RM005';
    end if;
end $$;

-- The same for a signed document. It is matched to the one order of its number; anything else is a question for a person.
create or replace function public.ingest_signed(p_workspace_id uuid, p_file_hash text, p_blob text,
    p_size_bytes bigint, p_source_type text default 'UPLOAD', p_source_metadata jsonb default '{}',
    p_fm_key text default null, p_work_order_number text default null, p_extraction_result jsonb default null,
    p_signed_pdf_url text default null, p_signed_preview_image_url text default null, p_author jsonb default '{}')
returns table (signed_document_id uuid, is_new boolean, matched_work_order_id uuid)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_signed uuid := rowmill.uuid7();
    v_read boolean := p_work_order_number is not null or p_extraction_result is not null;
begin
    perform public.work_orders_check_file(p_workspace_id, p_file_hash);
    perform pg_advisory_xact_lock(hashtextextended('signed_document:' || p_workspace_id || p_file_hash, 0));
    select d.id, false, m.work_order_id into signed_document_id, is_new, matched_work_order_id
    from public.signed_documents d left join public.signed_match m on m.signed_document_id = d.id
    where d.workspace_id = p_workspace_id and d.file_hash = p_file_hash;
    if found then
        return next;
        return;
    end if;
    insert into public.signed_documents (id, workspace_id, file_hash, blob, size_bytes, source_type, source_metadata,
        fm_key, signed_pdf_url, signed_preview_image_url)
    values (v_signed, p_workspace_id, p_file_hash, p_blob, p_size_bytes, p_source_type,
        coalesce(p_source_metadata, '{}'), left(coalesce(p_fm_key, ''), 100), p_signed_pdf_url, p_signed_preview_image_url);
    perform public.work_orders_audit(p_workspace_id, 'signed_document', v_signed, 'received', null,
        jsonb_build_object('source_type', p_source_type), p_author);
    if v_read then
        perform public.work_orders_record_signed(v_signed, 'caller', p_fm_key, null, 'OK',
            coalesce(p_work_order_number, public.work_orders_named(p_extraction_result) ->> 'work_order_number'),
            coalesce(p_extraction_result, '{}'), '[]', null, p_author);
    else
        insert into public.task_queue (task_type, payload, workspace_id, max_attempts)
        values ('work_orders.read_signed', jsonb_build_object('signed_document_id', v_signed), p_workspace_id, 5);
    end if;
    select d.id, true, m.work_order_id into signed_document_id, is_new, matched_work_order_id
    from public.signed_documents d left join public.signed_match m on m.signed_document_id = d.id where d.id = v_signed;
    return next;
end $$;

create or replace function public.work_orders_record_signed(p_signed_id uuid, p_source text, p_fm_key text,
    p_profile_version integer, p_outcome text, p_number text, p_found jsonb, p_warnings jsonb, p_duration_ms integer,
    p_author jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_document public.signed_documents;
    v_number text := nullif(left(btrim(p_number), 200), '');
begin
    select d.* into v_document from public.signed_documents d where d.id = p_signed_id for update;
    if not found then
        return;
    end if;
    insert into public.extraction_runs (workspace_id, signed_document_id, source, fm_key, profile_version, outcome,
        fields, warnings, duration_ms, task_id, run_no)
    values (v_document.workspace_id, p_signed_id, p_source, left(coalesce(p_fm_key, ''), 100), p_profile_version, p_outcome,
        coalesce(p_found, '{}'), coalesce(p_warnings, '[]'), p_duration_ms, (p_author ->> 'task_id')::uuid,
        (p_author ->> 'run_no')::bigint);
    if v_document.state = 'MATCHED' then
        return;
    end if;
    update public.signed_documents d
    set work_order_number = v_number, number_key = public.work_orders_number_key(v_number),
        fm_key = coalesce(nullif(d.fm_key, ''), left(p_fm_key, 100), ''), extraction_result = p_found, updated_at = now(),
        version = nextval('rowmill.version')
    where d.id = p_signed_id;
    if p_outcome = 'FAILED' then
        perform public.work_orders_doubt(p_signed_id, 'REVIEW', 'signed_unreadable',
            jsonb_build_object('warnings', p_warnings), 'it cannot be read');
    else
        perform public.work_orders_match(p_signed_id, p_author);
    end if;
end $$;

-- A signed document that has no order: why, and the question about it.
create or replace function public.work_orders_doubt(p_signed_id uuid, p_state text, p_kind text, p_details jsonb,
    p_reason text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_workspace uuid;
begin
    update public.signed_documents d
    set state = p_state, reason = p_reason, version = nextval('rowmill.version'), updated_at = now()
    where d.id = p_signed_id returning d.workspace_id into v_workspace;
    update public.work_order_reviews r set resolution = 'dismissed', resolved_at = now()
    where r.signed_document_id = p_signed_id and r.resolution is null and r.kind <> p_kind;
    perform public.work_orders_ask(v_workspace, p_kind, null, null, p_signed_id,
        p_details || jsonb_build_object('reason', p_reason));
end $$;

-- Matches a signed document with the one order of its number, or says why not. Never a guess: the two constraints of signed_match
-- decide between documents that come at once.
create or replace function public.work_orders_match(p_signed_id uuid, p_author jsonb) returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_document public.signed_documents;
    v_orders uuid[];
    v_other uuid;
begin
    select d.* into v_document from public.signed_documents d where d.id = p_signed_id for update;
    if v_document.number_key is null then
        perform public.work_orders_doubt(p_signed_id, 'REVIEW', 'signed_no_number', '{}', 'no work order number was found');
        return null;
    end if;
    perform public.work_orders_hold_number(v_document.workspace_id, v_document.number_key);
    select coalesce(array_agg(w.id order by w.id), '{}') into v_orders from public.work_orders w
    where w.workspace_id = v_document.workspace_id and w.number_key = v_document.number_key
      and (v_document.fm_key = '' or w.fm_key in (v_document.fm_key, ''));
    if cardinality(v_orders) <> 1 then
        perform public.work_orders_doubt(p_signed_id, 'REVIEW',
            case when cardinality(v_orders) = 0 then 'signed_missing' else 'signed_ambiguous' end,
            jsonb_build_object('work_order_number', v_document.work_order_number, 'work_orders', to_jsonb(v_orders)),
            case when cardinality(v_orders) = 0 then 'there is no work order ' || v_document.work_order_number
                else cardinality(v_orders) || ' work orders have the number ' || v_document.work_order_number end);
        return null;
    end if;
    if public.work_orders_bind(p_signed_id, v_orders[1], p_author) then
        return v_orders[1];
    end if;
    select m.signed_document_id into v_other from public.signed_match m where m.work_order_id = v_orders[1];
    perform public.work_orders_doubt(p_signed_id, 'REFUSED', 'signed_second',
        jsonb_build_object('work_order_id', v_orders[1], 'signed_document_id', v_other),
        'the work order ' || v_document.work_order_number || ' has a signed document already');
    return null;
end $$;

-- True where this very pair stands now.
create or replace function public.work_orders_bind(p_signed_id uuid, p_order_id uuid, p_author jsonb) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_workspace uuid;
    v_user uuid := (p_author ->> 'user_id')::uuid;
begin
    select w.workspace_id into v_workspace from public.work_orders w where w.id = p_order_id;
    insert into public.signed_match (work_order_id, signed_document_id, workspace_id, matched_by)
    values (p_order_id, p_signed_id, v_workspace, v_user) on conflict do nothing;
    if not exists (select from public.signed_match m
                   where m.work_order_id = p_order_id and m.signed_document_id = p_signed_id) then
        return false;
    end if;
    update public.signed_documents d
    set state = 'MATCHED', reason = null, version = nextval('rowmill.version'), updated_at = now()
    where d.id = p_signed_id;
    update public.work_order_reviews r
    set resolution = 'matched', resolved_by = v_user, resolved_at = now(), version = nextval('rowmill.version')
    where r.signed_document_id = p_signed_id and r.resolution is null;
    perform public.work_orders_audit(v_workspace, 'signed_document', p_signed_id, 'matched', null,
        jsonb_build_object('work_order_id', p_order_id), p_author);
    return true;
end $$;

-- A person says which order a signed document belongs to. An order that has one keeps it, unless p_replace.
create or replace function public.work_orders_rematch(p_signed_id uuid, p_order_id uuid, p_replace boolean,
    p_author jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_document public.signed_documents;
    v_other uuid;
    v_before uuid;
begin
    select d.* into v_document from public.signed_documents d where d.id = p_signed_id for update;
    if v_document.id is null or not exists (
        select from public.work_orders w where w.id = p_order_id and w.workspace_id = v_document.workspace_id) then
        raise exception 'there is no such signed document or work order in one workspace; check both ids'
            using errcode = 'RM005';
    end if;
    select m.signed_document_id into v_other from public.signed_match m
    where m.work_order_id = p_order_id and m.signed_document_id <> p_signed_id for update;
    if v_other is not null and not p_replace then
        raise exception 'this work order has the signed document % already; say replace to take its place', v_other
            using errcode = 'RM003';
    end if;
    delete from public.signed_match m where m.signed_document_id = p_signed_id and m.work_order_id <> p_order_id
    returning m.work_order_id into v_before;
    if v_other is not null then
        delete from public.signed_match m where m.signed_document_id = v_other;
        perform public.work_orders_doubt(v_other, 'REFUSED', 'signed_second',
            jsonb_build_object('work_order_id', p_order_id, 'signed_document_id', p_signed_id),
            'a person gave its work order to another signed document');
        perform public.work_orders_audit(v_document.workspace_id, 'signed_document', v_other, 'unmatched',
            jsonb_build_object('work_order_id', p_order_id), null, p_author);
    end if;
    if v_before is not null then
        perform public.work_orders_audit(v_document.workspace_id, 'signed_document', p_signed_id, 'unmatched',
            jsonb_build_object('work_order_id', v_before), null, p_author);
    end if;
    if not public.work_orders_bind(p_signed_id, p_order_id, p_author) then
        raise exception 'somebody else has just matched one of the two; look again' using errcode = 'RM003';
    end if;
end $$;

-- What a person accepts is written to the order of the question, or where that one proves to be another order, to that. Answers
-- which it was.
create or replace function public.work_orders_accept(p_review public.work_order_reviews, p_values jsonb, p_author jsonb)
returns uuid
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_order public.work_orders;
    v_id uuid;
    v_key text;
begin
    if p_review.kind = 'same_number' or p_values ?| array['work_order_number', 'fm_key'] then
        select public.work_orders_number_key(coalesce(p_values ->> 'work_order_number', w.work_order_number)) into v_key
        from public.work_orders w where w.id = p_review.work_order_id;
        perform public.work_orders_hold_number(p_review.workspace_id, v_key);  -- before the row, as apply with known orders
    end if;
    select w.* into v_order from public.work_orders w where w.id = p_review.work_order_id for update;
    if p_review.kind = 'same_number' or v_order.number_key is null then
        v_id := public.work_orders_same_as(v_order, v_key, p_values);
    end if;
    if v_id is null then
        v_id := v_order.id;
        perform public.work_orders_correct(v_order, p_values, p_author);
    else
        perform public.work_orders_join(v_order, v_id, p_review.source_id, p_values, p_author);
    end if;
    if v_key is not null then
        perform public.work_orders_ask_twins(v_id, p_review.source_id);
        perform public.work_orders_match_waiting(p_review.workspace_id, v_key, p_author);
    end if;
    return v_id;
end $$;

-- The other order that this one is by a person's word: that of the number and facility manager he gave, or without any the only
-- one that it may be.
create or replace function public.work_orders_same_as(p_order public.work_orders, p_key text, p_values jsonb)
returns uuid
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
    v_twins uuid[] := public.work_orders_twins(p_order.id);
begin
    if p_values <> '{}' then
        return (select w.id from public.work_orders w
                where w.workspace_id = p_order.workspace_id and w.number_key = p_key and w.id <> p_order.id
                  and w.fm_key = coalesce(p_values ->> 'fm_key', p_order.fm_key));
    elsif cardinality(v_twins) <> 1 then
        raise exception 'other work orders of this number: %; accept with the fm_key of the right one, or keep both',
            cardinality(v_twins) using errcode = 'RM003';
    end if;
    return v_twins[1];
end $$;

create or replace function public.work_orders_correct(p_order public.work_orders, p_values jsonb, p_author jsonb)
returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.work_orders_set(p_order.id, p_values);
    perform public.work_orders_audit(p_order.workspace_id, 'work_order', p_order.id, 'corrected',
        public.work_orders_fields(p_order), p_values, p_author);
exception when unique_violation then
    raise exception 'another work order has the number % already; give the right one, or keep the one it has',
        coalesce(p_values ->> 'work_order_number', p_order.work_order_number) using errcode = 'RM003';
end $$;

-- An order becomes a revision of another one, which learns what it lacks: also who its facility manager is.
create or replace function public.work_orders_join(p_order public.work_orders, p_to uuid, p_source_id uuid,
    p_values jsonb, p_author jsonb) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_fm text;
begin
    select w.fm_key into v_fm from public.work_orders w where w.id = p_to for update;
    perform public.work_orders_merge(p_order.id, p_to, p_author);
    perform public.work_orders_revise(p_to, p_source_id, public.work_orders_fields(p_order) || p_values
        || jsonb_build_object('fm_key', coalesce(nullif(v_fm, ''), p_order.fm_key)), p_author);
end $$;

-- A person answers a question: accept writes what was read, keep leaves the order as it is, dismiss just closes.
create or replace function public.work_orders_resolve(p_review_id uuid, p_decision text, p_fields jsonb, p_author jsonb)
returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_review public.work_order_reviews;
    v_given jsonb := public.work_orders_readable(p_fields) || jsonb_strip_nulls(jsonb_build_object('fm_key',
        nullif(left(btrim(public.work_orders_named(p_fields) ->> 'fm_key'), 100), '')));
    v_wrong text;
    v_values jsonb;
begin
    select r.* into v_review from public.work_order_reviews r where r.id = p_review_id for update;
    select coalesce(jsonb_object_agg(f.key, f.value -> 'read'), '{}') || v_given into v_values
    from jsonb_each(coalesce(v_review.details -> 'fields', '{}')) f;
    select k.key into v_wrong from jsonb_object_keys(v_given) k (key)
    where right(k.key, 11) = '_as_written' and not p_fields ? k.key limit 1;
    if v_review.id is null then
        raise exception 'there is no such review; list the open ones' using errcode = 'RM005';
    elsif v_review.resolution is not null then
        raise exception 'this review is % already; list the open ones', v_review.resolution using errcode = 'RM003';
    elsif p_decision <> 'accepted' and v_given <> '{}' then
        raise exception 'fields are written only where what was read is accepted; accept, or leave them out'
            using errcode = 'RM002';
    elsif p_decision = 'accepted' and v_review.work_order_id is null then
        raise exception 'a question about a signed document is answered by matching it with its order; or dismiss it'
            using errcode = 'RM002';
    elsif v_wrong is not null then
        raise exception '% cannot be %; write a date as 2026-01-31, an amount as 1234.50, a currency as EUR',
            left(v_wrong, -11), quote_literal(left(v_given ->> v_wrong, 60)) using errcode = 'RM002';
    elsif p_decision = 'accepted' and v_values = '{}' and v_review.kind <> 'same_number' then
        raise exception 'nothing was read that could be accepted; give fields of your own, or dismiss it'
            using errcode = 'RM002';
    end if;
    update public.work_order_reviews r
    set resolution = p_decision, resolved_by = (p_author ->> 'user_id')::uuid, resolved_at = now(),
        version = nextval('rowmill.version')
    where r.id = p_review_id;
    if p_decision = 'accepted' then
        v_review.work_order_id := public.work_orders_accept(v_review, v_values, p_author);
    end if;
    if v_review.work_order_id is not null then
        perform public.work_orders_settle(v_review.work_order_id);
    end if;
    perform public.work_orders_audit(v_review.workspace_id, 'work_order_review', p_review_id, p_decision,
        v_review.details, p_fields, p_author);
end $$;

-- The workspace of a spreadsheet, made where there is none; of many callers at once one makes it. An unknown user is an error; a
-- known one becomes a member of what is made here, of an existing workspace only with p_join. A workspace of his own that was
-- taken over without a spreadsheet gets this one.
create or replace function public.get_or_create_workspace(p_spreadsheet_id text, p_user text,
    p_drive_folder_id text default null, p_join boolean default false) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_user uuid;
    v_workspace uuid;
begin
    if coalesce(btrim(p_spreadsheet_id), '') = '' then
        raise exception 'a workspace of work orders is known by its spreadsheet; name one' using errcode = 'RM002';
    end if;
    select u.id into v_user from public.users u
    where u.id::text = p_user or u.external_id = p_user or u.email = p_user
    order by u.id::text = p_user desc, u.external_id = p_user desc nulls last limit 1;
    if v_user is null then
        raise exception 'there is no user %; make one with rowmill token create --create-user',
            coalesce(quote_literal(left(p_user, 100)), 'null') using errcode = 'RM005';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('work_order_settings:' || p_spreadsheet_id, 0));
    select s.workspace_id into v_workspace from public.work_order_settings s
    where s.spreadsheet_id = p_spreadsheet_id;
    if v_workspace is not null and not p_join then
        return v_workspace;
    elsif v_workspace is null then
        update public.work_order_settings s
        set spreadsheet_id = p_spreadsheet_id, drive_folder_id = coalesce(p_drive_folder_id, s.drive_folder_id),
            updated_at = now()
        where s.workspace_id = (select s.workspace_id from public.work_order_settings s
                                join public.workspace_members m on m.workspace_id = s.workspace_id
                                where s.spreadsheet_id is null and m.user_id = v_user limit 1)
        returning s.workspace_id into v_workspace;
    end if;
    if v_workspace is null then
        insert into public.workspaces (name) values (left('Work orders ' || p_spreadsheet_id, 255))
        returning id into v_workspace;
        insert into public.work_order_settings (workspace_id, spreadsheet_id, drive_folder_id)
        values (v_workspace, p_spreadsheet_id, p_drive_folder_id);
    end if;
    insert into public.workspace_members (workspace_id, user_id) values (v_workspace, v_user) on conflict do nothing;
    return v_workspace;
end $$;

-- Each workspace has its own nightly look, at a minute of its own: the sheet against the rows, and old extraction runs. Another
-- spreadsheet or sheet gets all rows.
create or replace function public.work_orders_schedule() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_minute integer := abs(hashtext(new.workspace_id::text)) % 60;
begin
    if tg_op = 'UPDATE' and (new.spreadsheet_id, new.sheet_name) is not distinct from (old.spreadsheet_id, old.sheet_name) then
        return null;
    end if;
    perform public.schedule_task('work_orders.check_sheet ' || new.workspace_id, 'work_orders.check_sheet',
        v_minute || ' 3 * * *', jsonb_build_object('spreadsheet_id', new.spreadsheet_id), 'UTC', new.workspace_id);
    perform public.schedule_task('work_orders.forget_runs ' || new.workspace_id, 'work_orders.forget_runs',
        v_minute || ' 4 * * *', '{}', 'UTC', new.workspace_id);
    insert into public.export_jobs (workspace_id, work_order_id, spreadsheet_id, next_attempt_at)
    select w.workspace_id, w.id, new.spreadsheet_id, now() + interval '1 second' from public.work_orders w
    where w.workspace_id = new.workspace_id and w.status <> 'RECEIVED' order by w.id
    on conflict (work_order_id) do update
    set spreadsheet_id = excluded.spreadsheet_id, status = 'PENDING', attempts = 0,
        next_attempt_at = excluded.next_attempt_at, version = nextval('rowmill.version'), updated_at = now();
    return null;
end $$;

create or replace trigger work_order_settings_scheduled
after insert or update of spreadsheet_id, sheet_name on public.work_order_settings
for each row when (new.spreadsheet_id is not null) execute function public.work_orders_schedule();

-- What changed is to be exported: one job for a row, however often it changes. The first attempt comes a second later, with
-- whatever else has changed by then; a job under way is done anew; one between two attempts keeps its time.
create or replace function public.work_orders_export(p_orders uuid[]) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    insert into public.export_jobs as j (workspace_id, work_order_id, spreadsheet_id, next_attempt_at)
    select w.workspace_id, w.id, s.spreadsheet_id, now() + interval '1 second'
    from public.work_orders w
    join public.work_order_settings s on s.workspace_id = w.workspace_id
    where w.id = any (p_orders) and w.status <> 'RECEIVED' and s.spreadsheet_id is not null
    order by w.id
    on conflict (work_order_id) do update
    set version = nextval('rowmill.version'), updated_at = now(),
        status = case when j.status in ('DONE', 'FAILED') then 'PENDING' else j.status end,
        attempts = case when j.status in ('DONE', 'FAILED') then 0 else j.attempts end,
        next_attempt_at = case when j.status in ('DONE', 'FAILED') then excluded.next_attempt_at
            else j.next_attempt_at end
$$;

create or replace function public.work_orders_changed() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.work_orders_export(array(select distinct c.id from changed c));
    return null;
end $$;

create or replace trigger work_orders_inserted after insert on public.work_orders
referencing new table as changed for each statement execute function public.work_orders_changed();

create or replace trigger work_orders_updated after update on public.work_orders
referencing new table as changed for each statement execute function public.work_orders_changed();

create or replace function public.signed_match_changed() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.work_orders_export(array(select distinct c.work_order_id from changed c));
    return null;
end $$;

create or replace trigger signed_match_inserted after insert on public.signed_match
referencing new table as changed for each statement execute function public.signed_match_changed();

create or replace trigger signed_match_updated after update on public.signed_match
referencing new table as changed for each statement execute function public.signed_match_changed();

create or replace trigger signed_match_deleted after delete on public.signed_match
referencing old table as changed for each statement execute function public.signed_match_changed();

-- A job that is to be done, or to be done at another time, has a task then: one for all rows of a spreadsheet.
create or replace function public.export_jobs_enqueue() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        insert into public.task_queue (task_type, payload, concurrency_key, scheduled_for, max_attempts, workspace_id)
        select distinct 'work_orders.export', jsonb_build_object('spreadsheet_id', c.spreadsheet_id),
            'work_orders.export:' || c.spreadsheet_id, c.next_attempt_at, 5, c.workspace_id
        from changed c where c.status = 'PENDING';
    else
        insert into public.task_queue (task_type, payload, concurrency_key, scheduled_for, max_attempts, workspace_id)
        select distinct 'work_orders.export', jsonb_build_object('spreadsheet_id', c.spreadsheet_id),
            'work_orders.export:' || c.spreadsheet_id, c.next_attempt_at, 5, c.workspace_id
        from changed c join was b on b.id = c.id
        where c.status = 'PENDING' and (b.status in ('DONE', 'FAILED')
            or c.next_attempt_at <> b.next_attempt_at or c.spreadsheet_id <> b.spreadsheet_id);
    end if;
    return null;
end $$;

create or replace trigger export_jobs_inserted after insert on public.export_jobs
referencing new table as changed for each statement execute function public.export_jobs_enqueue();

create or replace trigger export_jobs_updated after update on public.export_jobs
referencing new table as changed old table as was for each statement execute function public.export_jobs_enqueue();

-- What waits for a task that has ended without it (failed, cancelled): exports get a new task, PDFs become a question. The
-- nightly look and whoever processes exports call it. Null = all workspaces. How many exports and PDFs it was.
create or replace function public.work_orders_take_up(p_workspaces uuid[] default null) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    v_sheets bigint;
    v_pdfs bigint;
begin
    insert into public.task_queue (task_type, payload, concurrency_key, max_attempts, workspace_id)
    select 'work_orders.export', jsonb_build_object('spreadsheet_id', j.spreadsheet_id),
        'work_orders.export:' || j.spreadsheet_id, 5, j.workspace_id
    from public.export_jobs j
    where j.status in ('PENDING', 'PROCESSING') and (p_workspaces is null or j.workspace_id = any (p_workspaces))
      and (j.status = 'PROCESSING' or j.next_attempt_at <= now())
      and not exists (select from public.task_queue t
                      where t.task_type = 'work_orders.export'
                        and t.concurrency_key = 'work_orders.export:' || j.spreadsheet_id
                        and t.status in ('pending', 'processing'))
    group by j.spreadsheet_id, j.workspace_id;
    get diagnostics v_sheets = row_count;
    select count(public.work_orders_record_reading(s.id, 'robot', null, null, 'FAILED', '{}', '{}',
        '["the task that reads it has ended without a result; see it with rowmill tasks, then retry it"]', null, '{}'))
    into v_pdfs
    from public.work_order_sources s
    where s.state = 'PENDING' and s.created_at < now() - interval '10 minutes'
      and (p_workspaces is null or s.workspace_id = any (p_workspaces))
      and not exists (select from public.task_queue t
                      where t.task_type = 'work_orders.read' and t.status in ('pending', 'processing')
                        and t.payload ->> 'source_id' = s.id::text);
    select v_pdfs + count(public.work_orders_record_signed(d.id, 'robot', null, null, 'FAILED', null, '{}',
        '["the task that reads it has ended without a result; see it with rowmill tasks, then retry it"]', null, '{}'))
    into v_pdfs
    from public.signed_documents d
    where d.state = 'PENDING' and d.created_at < now() - interval '10 minutes'
      and (p_workspaces is null or d.workspace_id = any (p_workspaces))
      and not exists (select from public.task_queue t
                      where t.task_type = 'work_orders.read_signed' and t.status in ('pending', 'processing')
                        and t.payload ->> 'signed_document_id' = d.id::text);
    return v_sheets + v_pdfs;
end $$;

-- The table `workspaces` as the first specification has it.
create or replace view public.workspaces_d0 with (security_invoker = true) as
select w.id, w.name, s.spreadsheet_id, s.drive_folder_id, w.created_at, w.updated_at
from public.workspaces w
join public.work_order_settings s on s.workspace_id = w.id;

-- Rows that an older application keyed by user_id (schema work_orders_before): a workspace for each user, without a spreadsheet
-- until get_or_create_workspace names one for that user; those of nobody belong to the user `unknown`. What has no column here
-- stands in `extra`, an id that is no uuid as `id_before`; a number that comes a second time is a question.
create or replace function public.work_orders_adopt() returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_old record;
    v_owner text;
    v_user uuid;
    v_workspace uuid;
    v_order uuid;
    v_read jsonb;
    v_count bigint := 0;
begin
    if to_regclass('work_orders_before.work_orders') is null then
        return 0;
    end if;
    for v_old in execute 'select to_jsonb(w) as row from work_orders_before.work_orders w order by w.user_id, w.id' loop
        v_owner := coalesce(v_old.row ->> 'user_id', 'unknown');
        insert into public.users (external_id, email)
        select v_owner, 'adopted-' || md5(v_owner) || '@rowmill.invalid'
        where not exists (select from public.users u where v_owner in (u.external_id, u.id::text, u.email))
        on conflict do nothing;
        select u.id into strict v_user from public.users u
        where v_owner in (u.external_id, u.id::text, u.email) limit 1;
        select s.workspace_id into v_workspace from public.work_order_settings s
        join public.workspace_members m on m.workspace_id = s.workspace_id
        where m.user_id = v_user and s.spreadsheet_id is null;
        if v_workspace is null then
            v_workspace := public.work_orders_new_workspace(v_user);
        end if;
        v_read := public.work_orders_readable(v_old.row - array['id', 'user_id', 'created_at', 'updated_at']);
        if v_old.row ->> 'id' ~ '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then
            v_order := (v_old.row ->> 'id')::uuid;
        else
            v_order := gen_random_uuid();
            v_read := v_read || jsonb_build_object('id_before', v_old.row -> 'id');
        end if;
        insert into public.work_orders (id, workspace_id, status, created_at)
        values (v_order, v_workspace, 'READY', coalesce((v_old.row ->> 'created_at')::timestamptz, now()));
        begin
            perform public.work_orders_set(v_order, v_read);
        exception when unique_violation then
            perform public.work_orders_set(v_order, v_read - 'work_order_number');
            perform public.work_orders_ask(v_workspace, 'no_number', v_order, null, null, jsonb_build_object('read', v_read));
            perform public.work_orders_settle(v_order);
        end;
        v_count := v_count + 1;
    end loop;
    return v_count;
end $$;

create or replace function public.work_orders_new_workspace(p_user uuid) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    v_workspace uuid;
begin
    insert into public.workspaces (name)
    select left('Work orders of ' || coalesce(u.external_id, u.email), 255) from public.users u where u.id = p_user
    returning id into v_workspace;
    insert into public.workspace_members (workspace_id, user_id) values (v_workspace, p_user);
    insert into public.work_order_settings (workspace_id) values (v_workspace);
    return v_workspace;
end $$;
