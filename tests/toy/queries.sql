Named reads and writers of the toy domain.

-- name: toy_rows.lock
with held as (
    select r.id, r.version, r.value from toy_rows r
    where r.id = any (:key::int[]) order by r.id for no key update skip locked
)
select i.ord, h.id is not null as held, h.version, h.value, r.xmax::text as locker
from unnest(:key::int[]) with ordinality as i (id, ord)
join toy_rows r on r.id = i.id
left join held h on h.id = i.id

-- name: toy_rows.versions
select i.ord, r.version
from unnest(:key::int[]) with ordinality as i (id, ord)
join toy_rows r on r.id = i.id

-- name: toy_row reads toy_rows
select i.ord, i.row_id as _target, coalesce(r.version, 0) as _version, r.value
from unnest(:row_id::int[]) with ordinality as i (row_id, ord)
left join toy_rows r on r.id = i.row_id

-- name: set_value.insert
with made as (
    insert into toy_rows (id, value)
    select e.id, e.value from unnest(:row_id::int[], :value::text[]) as e (id, value) order by e.id
    on conflict do nothing
    returning id
)
select i.ord from unnest(:row_id::int[]) with ordinality as i (id, ord) join made m on m.id = i.id

-- name: set_value
update toy_rows r set value = e.value, version = nextval('rowmill.version')
from unnest(:row_id::int[], :value::text[]) as e (id, value)
where r.id = e.id

-- name: set_value.audit
insert into toy_edits (row_id, before, after, task_id, run_no, user_id, command_id)
select * from unnest(:row_id::int[], :before_value::text[], :value::text[], :task_id::uuid[], :run_no::bigint[],
    :user_id::uuid[], :command_id::uuid[])

-- name: set_once
update toy_rows r set value = e.value, version = nextval('rowmill.version')
from unnest(:row_id::int[], :value::text[]) as e (id, value)
where r.id = e.id

-- name: add_note
insert into toy_notes (task_id, note) select * from unnest(:task_id::uuid[], :note::text[])

-- name: recovered
-- After a restore: rows that were written about then are marked for a person.
update toy_rows r set value = concat('? ', r.value)
where r.value like 'sent %' and :since::timestamptz is not null
returning r.id
