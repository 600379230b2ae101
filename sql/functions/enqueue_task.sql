-- The JSON types a schema allows; null when it does not say. Follows references into $defs and alternatives, and gives
-- up (null: anything goes) rather than refuse what it does not understand.
create or replace function rowmill.json_types(p_schema jsonb, p_defs jsonb, p_depth int) returns text[]
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
    v_found text[] := '{}';
    v_one jsonb;
    v_types text[];
begin
    if p_schema is null or p_depth > 8 then
        return null;
    elsif p_schema ? '$ref' then
        return rowmill.json_types(p_defs -> replace(split_part(p_schema ->> '$ref', '#/$defs/', 2), '~1', '/'),
                                  p_defs, p_depth + 1);
    elsif jsonb_typeof(p_schema -> 'type') = 'string' then
        return array[p_schema ->> 'type'];
    elsif jsonb_typeof(p_schema -> 'type') = 'array' then
        return array(select jsonb_array_elements_text(p_schema -> 'type'));
    elsif jsonb_typeof(coalesce(p_schema -> 'anyOf', p_schema -> 'oneOf')) = 'array' then
        for v_one in select jsonb_array_elements(coalesce(p_schema -> 'anyOf', p_schema -> 'oneOf')) loop
            v_types := rowmill.json_types(v_one, p_defs, p_depth + 1);
            if v_types is null then
                return null;
            end if;
            v_found := v_found || v_types;
        end loop;
        return v_found;
    end if;
    return null;
end $$;

-- What is wrong with a payload, by key and expected type and never by value; null when nothing is. Only the top level
-- is looked at, and only required keys and JSON types: the worker's own check is the full one.
create or replace function rowmill.payload_fault(p_payload jsonb, p_schema jsonb) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
    v_defs jsonb := p_schema -> '$defs';
    v_top jsonb := case when p_schema ? '$ref'
        then v_defs -> split_part(p_schema ->> '$ref', '#/$defs/', 2) else p_schema end;
    v_fault text;
begin
    if jsonb_typeof(v_top -> 'properties') is distinct from 'object' then
        return null;
    end if;
    select string_agg(
        case when p_payload ? k.key then format('the key "%s" must be %s', k.key, k.expected)
            else format('the key "%s" is missing%s', k.key, coalesce(' (' || k.expected || ')', '')) end,
        '; ' order by k.key)
    into v_fault
    from (select p.key, t.types, array_to_string(t.types, ' or ') as expected,
              coalesce(v_top -> 'required' ? p.key, false) as required,
              jsonb_typeof(p_payload -> p.key) as given
          from jsonb_each(v_top -> 'properties') p
          cross join lateral (select rowmill.json_types(p.value, v_defs, 0) as types) t) k
    where case when k.given is null then k.required
        else k.given <> all (k.types)
             and not (k.given = 'number' and 'integer' = any (k.types)
                      and (p_payload ->> k.key)::numeric % 1 = 0) end;
    return v_fault;
end $$;

-- The checked door into the queue. A plain INSERT stays as good: what this refuses at once, the worker refuses later.
-- null stands for the default of the registry. `id` is the task that will do the work: the new one, or the live one
-- with the same dedupe_key, which duplicate_of then names. It inserts as its owner, so it asks itself what the row policy
-- asks of a plain INSERT: whether this login may enqueue for that workspace.
create or replace function public.enqueue_task(
    task_type text, payload jsonb default '{}', priority int default null, scheduled_for timestamptz default null,
    dedupe_key text default null, concurrency_key text default null, max_attempts int default null,
    workspace_id uuid default null)
returns table (id uuid, created boolean, duplicate_of uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_known rowmill.task_types%rowtype;
    v_payload jsonb := coalesce(enqueue_task.payload, '{}');
    v_fault text;
    v_workspace uuid := coalesce(enqueue_task.workspace_id, rowmill.current_workspace());
begin
    select k.* into v_known from rowmill.task_types k where k.task_type = enqueue_task.task_type;
    if not found then
        raise exception 'no worker has published the task type %; look for it with: select task_type from rowmill.task_types',
            coalesce(quote_ident(left(enqueue_task.task_type, 100)), 'null') using errcode = 'RM001';
    elsif jsonb_typeof(v_payload) <> 'object' then
        raise exception 'the payload of % must be a JSON object, not %', v_known.task_type,
            jsonb_typeof(v_payload) using errcode = 'RM002';
    end if;
    v_payload := '{}'::jsonb || v_payload;  -- unpacked: a value from a table may be compressed, and is measured as it lies
    if pg_column_size(v_payload) > 65536 then
        raise exception 'the payload of % takes % bytes and may take 65536; store it and enqueue its id',
            v_known.task_type, pg_column_size(v_payload) using errcode = 'RM006';
    end if;
    v_fault := rowmill.payload_fault(v_payload, v_known.schema);
    if v_fault is not null then
        raise exception 'the payload of % does not fit: %', v_known.task_type, v_fault using errcode = 'RM002';
    end if;

    if not has_table_privilege(session_user, 'public.task_queue', 'update')
       and coalesce(v_workspace, rowmill.default_workspace()) <> all (rowmill.enqueue_workspaces())
    then
        raise exception 'the login % may not enqueue for the workspace %; set app.workspace_id, or have it bound in rowmill.producers',
            session_user, coalesce(v_workspace, rowmill.default_workspace()) using errcode = 'RM007';
    end if;

    loop  -- a duplicate that was live for the index may have ended before it is read: then there is none
        insert into public.task_queue as t (task_type, payload, priority, scheduled_for, dedupe_key, concurrency_key,
            max_attempts, workspace_id)
        values (v_known.task_type, v_payload,
            coalesce(enqueue_task.priority, (v_known.defaults ->> 'priority')::int, 5),
            coalesce(enqueue_task.scheduled_for, now()), enqueue_task.dedupe_key, enqueue_task.concurrency_key,
            coalesce(enqueue_task.max_attempts, (v_known.defaults ->> 'max_attempts')::int, 3),
            v_workspace)
        on conflict (task_type, dedupe_key)
            where status in ('pending', 'processing', 'waiting') and dedupe_key is not null do nothing
        returning t.id into id;
        if found then
            created := true;
            return next;
            return;
        end if;
        select t.id, false, t.id into id, created, duplicate_of
        from public.task_queue t
        where t.task_type = v_known.task_type and t.dedupe_key = enqueue_task.dedupe_key
          and t.status in ('pending', 'processing', 'waiting');
        if found then
            return next;
            return;
        end if;
    end loop;
end $$;
