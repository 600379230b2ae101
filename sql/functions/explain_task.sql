-- "Why is this task not running?" One plain answer from one snapshot, at a bounded cost however long the queue is.
-- Every answer is an object with a stable `reason`, a `sentence`, and what the sentence was made of.

create or replace function rowmill.said_at(p_at timestamptz) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS" UTC"')
$$;

create or replace function rowmill.said_count(p_count bigint, p_bound int, p_thing text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
select case when p_count > p_bound then 'more than ' || p_bound || ' ' || p_thing || 's'
    else p_count || ' ' || p_thing || case when p_count = 1 then '' else 's' end end
$$;

-- Due tasks that go before this one: of its key, else of its type. Counts one further than the bound and stops.
create or replace function rowmill.tasks_ahead(p_task public.task_queue, p_bound int, out of_key bigint, out of_type bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
    set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
    select count(*) into of_key
    from (select from public.task_queue t
          where t.task_type = p_task.task_type and t.status = 'pending' and t.crashes < 2
            and t.concurrency_key = p_task.concurrency_key and t.concurrency_key >= ''
            and t.scheduled_for <= statement_timestamp()
            and t.priority >= p_task.priority
            and (t.priority > p_task.priority or (t.scheduled_for, t.id) < (p_task.scheduled_for, p_task.id))
          limit p_bound + 1) ahead;
    if p_task.concurrency_key is null then
        select count(*) into of_type
        from (select from rowmill.lanes(p_task.task_type) l
              cross join lateral (
                  select from public.task_queue t
                  where t.task_type = p_task.task_type and t.status = 'pending' and t.crashes < 2
                    and t.concurrency_key is null
                    and t.priority = l.priority and t.scheduled_for <= statement_timestamp()
                    and (l.priority > p_task.priority or (t.scheduled_for, t.id) < (p_task.scheduled_for, p_task.id))
                  limit p_bound + 1) q
              where l.priority >= p_task.priority
              limit p_bound + 1) ahead;
    else
        select count(*) into of_type
        from (select from public.task_queue t
              where t.task_type = p_task.task_type and t.status = 'pending' and t.crashes < 2
                and t.concurrency_key is not null
                and t.priority >= 0 and t.scheduled_for < p_task.scheduled_for
                and t.scheduled_for <= statement_timestamp()
              limit p_bound + 1) ahead;
    end if;
end $$;

create or replace function rowmill.why_pending(p_task public.task_queue) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    c_bound constant int := 1000;
    v_type rowmill.task_types%rowtype;
    v_runner public.task_queue%rowtype;
    v_tried text := case when p_task.error_message is null then ''
        else format(' Last time (attempt %s of %s): %s.', p_task.attempts, p_task.max_attempts,
                    rtrim(p_task.error_message, '.')) end;
    v_ahead record;
begin
    select k.* into v_type from rowmill.task_types k where k.task_type = p_task.task_type;
    if v_type.paused_at is not null then
        return jsonb_build_object('reason', 'paused', 'paused_at', v_type.paused_at, 'paused_by', v_type.paused_by,
            'paused_reason', v_type.paused_reason, 'sentence', format('It waits because %s is paused since %s by %s%s.',
                p_task.task_type, rowmill.said_at(v_type.paused_at), coalesce(v_type.paused_by, 'somebody'),
                coalesce(': ' || rtrim(v_type.paused_reason, '.'), '')));
    elsif p_task.scheduled_for > statement_timestamp() and p_task.error_message like 'waits for a lock%' then
        return jsonb_build_object('reason', 'waits_for_lock', 'scheduled_for', p_task.scheduled_for,
            'sentence', format('Its run %s; it tries again at %s, and no attempt is used.',
                replace(rtrim(p_task.error_message, '.'), 'waits', 'waited'), rowmill.said_at(p_task.scheduled_for)));
    elsif p_task.scheduled_for > statement_timestamp() then
        return jsonb_build_object('reason', 'not_due', 'scheduled_for', p_task.scheduled_for,
            'sentence', format('It is due at %s.', rowmill.said_at(p_task.scheduled_for)) || v_tried);
    end if;

    select t.* into v_runner from public.task_queue t
    where t.concurrency_key = p_task.concurrency_key and t.status = 'processing' and t.leader_id is null;
    if found then
        return jsonb_build_object('reason', 'key_running', 'held_by', v_runner.id, 'worker_id', v_runner.worker_id,
            'sentence', format('It waits because its key is held by task %s (%s) on worker %s since %s.', v_runner.id,
                v_runner.task_type, v_runner.worker_id, rowmill.said_at(v_runner.started_at)));
    elsif not exists (select from rowmill.workers w
                      where p_task.task_type = any (w.task_types) and not w.draining
                        and w.lease_until > clock_timestamp())
    then
        return jsonb_build_object('reason', 'no_worker', 'published', v_type.published_at is not null,
            'sentence', format('It waits because no live worker knows the type %s%s', p_task.task_type,
                case when v_type.published_at is null then '; none has ever published it: is it spelled right?'
                    else '; start one.' end) || v_tried);
    end if;

    if p_task.crashes >= 2 then
        return jsonb_build_object('reason', 'suspect', 'crashes', p_task.crashes, 'sentence', format(
            'It runs alone in a child process after %s crashes of its workers; a worker starts one child at a time.',
            p_task.crashes) || v_tried);
    end if;
    select * into v_ahead from rowmill.tasks_ahead(p_task, c_bound);
    if v_ahead.of_key > 0 then
        return jsonb_build_object('reason', 'behind_key', 'ahead', v_ahead.of_key, 'bound', c_bound,
            'sentence', format('It waits behind %s of its key.', rowmill.said_count(v_ahead.of_key, c_bound, 'task'))
                || v_tried);
    elsif v_ahead.of_type > 0 then
        return jsonb_build_object('reason', 'behind_lane', 'ahead', v_ahead.of_type, 'bound', c_bound,
            'sentence', format('It waits behind %s of its lane and of those before it.',
                rowmill.said_count(v_ahead.of_type, c_bound, 'task')) || v_tried);
    end if;
    return jsonb_build_object('reason', 'ready', 'sentence',
        'It is due and nothing stands before it: the next free slot takes it.' || v_tried);
end $$;

create or replace function rowmill.why_running(p_task public.task_queue) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    v_lease timestamptz;
    v_followers bigint;
    v_base jsonb := jsonb_build_object('worker_id', p_task.worker_id, 'started_at', p_task.started_at);
begin
    select w.lease_until into v_lease from rowmill.workers w where w.worker_id = p_task.worker_id;
    if v_lease is null or v_lease <= clock_timestamp() then
        return v_base || jsonb_build_object('reason', 'worker_lost', 'sentence', format(
            'Its worker %s has not been heard of%s; another one gives it back without using an attempt.',
            p_task.worker_id, coalesce(' since its lease ended at ' || rowmill.said_at(v_lease), '')));
    elsif p_task.cancel_asked_at is not null then
        return v_base || jsonb_build_object('reason', 'cancel_asked', 'sentence', format(
            'It runs on worker %s, and was asked at %s to stop; it will write nothing.', p_task.worker_id,
            rowmill.said_at(p_task.cancel_asked_at)));
    elsif p_task.leader_id is not null then
        return v_base || jsonb_build_object('reason', 'follows', 'leader_id', p_task.leader_id, 'sentence', format(
            'It runs as one with its leader, task %s, on worker %s since %s.', p_task.leader_id, p_task.worker_id,
            rowmill.said_at(p_task.started_at)));
    end if;
    select count(*) into v_followers from public.task_queue t
    where t.status = 'processing' and t.worker_id = p_task.worker_id and t.leader_id = p_task.id;
    return v_base || jsonb_build_object('reason', 'running', 'followers', v_followers, 'sentence', format(
        'It runs on worker %s since %s (attempt %s of %s)%s%s.', p_task.worker_id, rowmill.said_at(p_task.started_at),
        p_task.attempts, p_task.max_attempts, case when p_task.crashes >= 2
            then format(', alone in a child process after %s crashes', p_task.crashes) else '' end,
        case when v_followers > 0 then ' and leads ' || rowmill.said_count(v_followers, 500, 'follower') else '' end));
end $$;

-- What is waited for may be somebody's secret: it is for who may read the task.
create or replace function rowmill.why_waiting(p_task public.task_queue, p_told boolean) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
    v_wait rowmill.waits%rowtype;
begin
    select w.* into v_wait from rowmill.waits w where w.task_id = p_task.id;
    if not found then
        return jsonb_build_object('reason', 'waiting', 'sentence',
            'It waits, and nothing says for what; a signal to its id continues it, cancel_task ends it.');
    end if;
    return jsonb_build_object('reason', 'waiting', 'since', v_wait.since, 'times_out_at', v_wait.times_out_at,
        'on_timeout', v_wait.on_timeout, 'signal', case when p_told then v_wait.signal end,
        'sentence', format('It waits for the signal %s since %s, and no worker holds it; %s.',
            case when p_told then to_json(v_wait.signal)::text else '(for those who may read the task)' end,
            rowmill.said_at(v_wait.since),
            case when v_wait.times_out_at is null then 'it waits as long as it takes'
                when v_wait.on_timeout = 'fail' then 'it fails at ' || rowmill.said_at(v_wait.times_out_at)
                else 'it goes on without at ' || rowmill.said_at(v_wait.times_out_at) end));
end $$;

create or replace function rowmill.how_ended(p_task public.task_queue) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
select jsonb_build_object(
    'reason', case when p_task.status = 'failed' and p_task.error_message like 'crash_loop:%' then 'crash_loop'
        else p_task.status end,
    'ended_at', coalesce(p_task.completed_at, p_task.failed_at), 'worker_id', p_task.worker_id,
    'leader_id', p_task.leader_id, 'sentence', format('It %s%s%s%s%s.%s',
        case p_task.status when 'cancelled' then 'was cancelled' else p_task.status end,
        coalesce(' at ' || rowmill.said_at(coalesce(p_task.completed_at, p_task.failed_at)), ''),
        coalesce(' on worker ' || p_task.worker_id, ''),
        case when p_task.status = 'failed' then
            format(' after attempt %s of %s', p_task.attempts, p_task.max_attempts) else '' end,
        coalesce(', as one with its leader, task ' || p_task.leader_id, ''),
        coalesce(' Reason: ' || rtrim(p_task.error_message, '.') || '.', '')))
$$;

-- The words of an error may quote what the task was about: they are for who may read the column. The engine's own
-- (locks, crashes) are for everybody who may ask: a producer about its own tasks, whoever may watch the queue about any.
create or replace function public.explain_task_json(id uuid) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_task public.task_queue%rowtype;
begin
    select t.* into v_task from public.task_queue t
    where t.id = explain_task_json.id
      and (t.enqueued_by = session_user or has_table_privilege(session_user, 'monitoring.queue_depth', 'select'));
    if not found then
        raise exception 'no task has the id %; look for it with: select id from task_queue', explain_task_json.id
            using errcode = 'RM005';
    elsif not has_column_privilege(session_user, 'public.task_queue', 'error_message', 'select')
          and v_task.error_message not like all (array['waits for a lock%', 'crash_loop:%', 'worker lost']) then
        v_task.error_message := '(for those who may read task_queue.error_message)';
    end if;
    return jsonb_build_object('task_id', v_task.id, 'task_type', v_task.task_type, 'status', v_task.status,
            'attempts', v_task.attempts, 'max_attempts', v_task.max_attempts, 'error', v_task.error_message)
        || case v_task.status
            when 'pending' then rowmill.why_pending(v_task)
            when 'processing' then rowmill.why_running(v_task)
            when 'waiting' then rowmill.why_waiting(v_task, v_task.enqueued_by = session_user
                or has_column_privilege(session_user, 'public.task_queue', 'error_message', 'select'))
            else rowmill.how_ended(v_task) end;
end $$;

create or replace function public.explain_task(id uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
select public.explain_task_json(explain_task.id) ->> 'sentence'
$$;
