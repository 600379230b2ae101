The limits by hand: what this machine and this server can do, with none of a queue's promises.

-- name: count_bare
-- What a producer of single rows has inserted says so in its payload.
select count(*) as tasks from bare_jobs b where b.task_type = 'bench.noop' and b.payload ->> 'n' = '-1'

-- name: count_tasks
select count(*) as tasks from task_queue t where t.task_type = 'bench.noop' and t.payload ->> 'n' = '-1'

-- name: fill
insert into bare_jobs (task_type, payload)
select 'bench.noop', jsonb_build_object('cell_id', n, 'content', 'v' || n) from generate_series(1, :rows::int) n

-- name: fill_cells
insert into bare_cells (id) select n from generate_series(1, :rows::int) n

-- name: claim
update bare_jobs b set attempts = b.attempts + 1, status = 'processing'
from (select j.id from bare_jobs j where j.status = 'pending' and j.run_at <= now()
      order by j.run_at, j.id limit :most::int for update skip locked) j
where b.id = j.id
returning b.id, b.payload::text as payload

-- name: finish
delete from bare_jobs b where b.id = any (:ids::bigint[])

-- name: update_cells
update bare_cells c set content = e.content, version = c.version + 1
from unnest(:ids::int[], :contents::text[]) as e (id, content) where c.id = e.id

-- name: add_edits
insert into bare_edits (cell_id, after) select * from unnest(:ids::int[], :contents::text[])

-- name: left
select count(*) as jobs, (select count(*) from bare_edits) as edits,
    (select count(*) from bare_cells c where c.content = 'v' || c.id) as cells
from bare_jobs
