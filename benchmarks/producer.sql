What producers say.

-- name: insert_task
insert into task_queue (task_type, payload) values (:task_type::text, :payload::jsonb)

-- name: insert_bare
insert into bare_jobs (task_type, payload) values (:task_type::text, :payload::jsonb)

-- name: insert_notifying
with made as (
    insert into bare_jobs (task_type, payload) values (:task_type::text, :payload::jsonb) returning id
)
select pg_notify('bare_jobs', m.id::text) from made m

-- name: insert_tasks
insert into task_queue (task_type, payload)
select :task_type::text, p from unnest(:payloads::text[]::jsonb[]) p

-- name: backlog
select count(*) from (
    select from task_queue t
    where t.task_type = :task_type::text and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null
    limit :most::int) p

-- name: cell
select c.content from bench_cells c where c.id = :id::int
