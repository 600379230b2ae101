Locks and writers of the torture domain.

-- name: torture_slots.lock
with held as (
    select s.id, s.version, s.value from torture_slots s
    where s.id = any (:key::int[]) order by s.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.value, s.xmax::text as locker
from unnest(:key::int[]) with ordinality as i (id, ord)
join torture_slots s on s.id = i.id
left join held h on h.id = i.id

-- name: torture_slots.versions
select i.ord, s.version
from unnest(:key::int[]) with ordinality as i (id, ord)
join torture_slots s on s.id = i.id

-- name: set_slot.insert
with made as (
    insert into torture_slots (id, value)
    select e.id, e.value from unnest(:slot::int[], :value::text[]) as e (id, value) order by e.id
    on conflict do nothing
    returning id
)
select i.ord from unnest(:slot::int[]) with ordinality as i (id, ord) join made m on m.id = i.id

-- name: set_slot
update torture_slots s set value = e.value, version = nextval('rowmill.version')
from unnest(:slot::int[], :value::text[]) as e (id, value)
where s.id = e.id

-- name: set_slot.audit
insert into torture_edits (slot, before, after, task_id, run_no)
select * from unnest(:slot::int[], :before_value::text[], :value::text[], :task_id::uuid[], :run_no::bigint[])

-- name: mark
insert into torture_effects (n, task_id, run_no)
select * from unnest(:n::bigint[], :task_id::uuid[], :run_no::bigint[])
