Naive: run numbers are taken for unique, though they come again after a lost commit.

-- name: fence
with held as (
    select t.id, t.cancel_asked_at
    from task_queue t
    where t.id = any (:ids::uuid[]) and t.status = 'processing'
    order by t.id
    for no key update skip locked
)
select i.id, i.run_no, h.id is not null as held, h.cancel_asked_at is not null as cancel_asked,
    exists (select from task_queue t where t.id = i.id and t.run_no = i.run_no and t.status = 'processing')
        as still_ours
from unnest(:ids::uuid[], :run_nos::bigint[]) as i (id, run_no)
left join held h on h.id = i.id
