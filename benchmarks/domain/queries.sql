Lock and writer of the bench domain.

-- name: bench_cells.lock
with held as (
    select c.id, c.version, c.content from bench_cells c
    where c.id = any (:key::int[]) order by c.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.content, c.xmax::text as locker
from unnest(:key::int[]) with ordinality as i (id, ord)
cross join lateral (select c.xmax from bench_cells c where c.id = i.id limit 1) c
left join held h on h.id = i.id

-- name: set_bench_cell
update bench_cells c set content = e.content, version = nextval('rowmill.version')
from unnest(:cell_id::int[], :content::text[]) as e (id, content)
where c.id = e.id

-- name: set_bench_cell.audit
insert into bench_cell_edits (cell_id, before, after, task_id, run_no)
select * from unnest(:cell_id::int[], :before_content::text[], :content::text[], :task_id::uuid[], :run_no::bigint[])
