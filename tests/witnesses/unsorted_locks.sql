Naive: rows are locked in the order in which the effects name them.

-- name: toy_rows.lock
select i.ord, true as held, r.version, r.value, r.locker
from unnest(:key::int[]) with ordinality as i (id, ord)
cross join lateral (
    select t.version, t.value, t.xmax::text as locker from toy_rows t where t.id = i.id for no key update skip locked) r
