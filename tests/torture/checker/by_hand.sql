-- What workers would do, by the hand of a test: every pending task is claimed and completed with its effects.
insert into rowmill.workers (worker_id, host, pid, lease_until, task_types)
values ('me', 'here', 1, clock_timestamp() + interval '1 hour', '{}');

update task_queue
set status = 'processing', run_no = 1, attempts = 1, worker_id = 'me', started_at = clock_timestamp();

insert into torture_effects (n, task_id, run_no)
select (payload ->> 'n')::bigint, id, 1 from task_queue where task_type = 'torture.work'
union all
select i, id, 1 from task_queue, generate_series(0, (payload ->> 'chunks')::int - 1) i
where task_type = 'torture.chunks';

insert into torture_edits (slot, before, after, task_id, run_no)
select (payload ->> 'slot')::int, lag(payload ->> 'n') over (partition by payload ->> 'slot' order by id),
    payload ->> 'n', id, 1
from task_queue where payload ->> 'slot' is not null order by id;

insert into torture_slots (id, value)
select distinct on (slot) slot, after from torture_edits order by slot, edit_no desc;

insert into robot_input_events (task_id, run_no, operator_type, success, worker_id)
select id, 1, task_type, true, 'me' from task_queue;

update task_queue set status = 'completed', completed_at = clock_timestamp();

create view worked as
select id from task_queue where task_type = 'torture.work' and payload ->> 'slot' is not null order by id limit 1
