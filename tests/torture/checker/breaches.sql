-- Each statement breaks one invariant, by hand, where everything was right. (worked: a completed task with a slot)

-- I1: an acknowledged task is gone
delete from task_queue where id = (select id from worked)

-- I2: a mark came twice
insert into torture_effects (n, task_id, run_no)
select n, task_id, run_no from torture_effects where task_id = (select id from worked)

-- I2: a chunk came twice
insert into torture_effects (n, task_id, run_no)
select e.n, e.task_id, e.run_no from torture_effects e join task_queue t on t.id = e.task_id
where t.task_type = 'torture.chunks' limit 1

-- I2: a mark is missing
delete from torture_effects where task_id = (select id from worked)

-- I2: a mark is of another run
update torture_effects set run_no = 2 where task_id = (select id from worked)

-- I2: an edit came twice
insert into torture_edits (slot, before, after, task_id, run_no)
select slot, after, after, task_id, run_no from torture_edits where edit_no = (select max(edit_no) from torture_edits)

-- I2: a good run row came twice
insert into robot_input_events (task_id, run_no, operator_type, success)
select t.id, t.run_no, t.task_type, true from task_queue t where t.id = (select id from worked)

-- I3: a failed task has an effect
set session_replication_role = replica;
update task_queue set status = 'failed' where id = (select id from worked);
set session_replication_role = origin

-- I3: an effect is of no task
insert into torture_effects (n, task_id, run_no) values (1, gen_random_uuid(), 1)

-- I4: a value is not the end of its audit
update torture_slots set value = 'other'

-- I4: a row has no audit
insert into torture_slots (id, value) values (99, 'x')

-- I4: an edit is missing in the chain
delete from torture_edits where edit_no = (
    select e.edit_no from torture_edits e
    where e.before is not null and exists (
        select from torture_edits l where l.slot = e.slot and l.edit_no > e.edit_no) limit 1)

-- I5: a task stays with a dead worker
update task_queue set status = 'processing', worker_id = 'ghost', started_at = now() - interval '7 s'
where id = (select id from worked)

-- I6: more attempts than allowed
update task_queue set attempts = 4 where id = (select id from worked)

-- I6: more crashes than allowed
update task_queue set crashes = 6 where id = (select id from worked)

-- I7: a completed task runs again
update task_queue set status = 'processing' where id = (select id from worked)

-- I7: a claim does not count its run
update task_queue set status = 'pending', attempts = 0 where id = (select id from worked);
update task_queue set status = 'processing', attempts = 1 where status = 'pending'

-- I7: a run changes hands
update task_queue set status = 'pending', attempts = 0 where id = (select id from worked);
update task_queue set status = 'processing', attempts = 1, run_no = 2, worker_id = 'a' where status = 'pending';
update task_queue set worker_id = 'b' where status = 'processing'

-- I7: a move was not seen
set session_replication_role = replica;
update task_queue set run_no = 7 where id = (select id from worked);
set session_replication_role = origin

-- I8: a task came from nowhere
set session_replication_role = replica;
insert into task_queue (task_type, payload) values ('torture.work', '{"n": 3}');
set session_replication_role = origin

-- I8: a number that nobody sent
insert into task_queue (task_type, payload) values ('torture.work', '{"n": 4711}')

-- I8: a number twice
insert into task_queue (task_type, payload) values ('torture.work', '{"n": 3}')
