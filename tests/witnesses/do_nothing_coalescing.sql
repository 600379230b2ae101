-- Coalescing at the insert: one pending task per key, and a producer's ON CONFLICT DO NOTHING.
create unique index naive_pending on public.task_queue (task_type, concurrency_key) where status = 'pending';
