-- Tasks that wait for a signal. Neither keys nor payloads: they belong to who waits.

create or replace view monitoring.waiting as
select k.task_type, least(w.tasks, c.cap) as tasks, w.tasks > c.cap as tasks_is_minimum, w.oldest as waiting_since,
    extract(epoch from clock_timestamp() - w.oldest)::double precision as longest_s
from rowmill.known_types() as k (task_type)
cross join (select rowmill.depth_cap() as cap) c
cross join lateral rowmill.waiting(k.task_type, c.cap) w
where w.tasks > 0;
comment on view monitoring.waiting is
    'Tasks of each type that wait for a signal, and since when; counted up to rowmill.depth_cap(), then the number is a minimum';
