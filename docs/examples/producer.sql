-- psql: one task, checked by the worker; one that is checked at once; many in one statement.
insert into task_queue (task_type, payload, priority) values ('toy.set', '{"row_id": 1, "value": "from psql"}', 10)
returning id;

select id, created from enqueue_task('toy.set', '{"row_id": 2, "value": "checked"}', dedupe_key => 'psql 2');

insert into task_queue (task_type, payload)
select 'toy.set', jsonb_build_object('row_id', n, 'value', 'one of many') from generate_series(3, 5) n;
