What serves shapes: the log and its head, tables as they are now, shapes that somebody follows.

-- name: log_move
-- Moves what was committed, and tells the head and how far back the log reaches. Cheap when there is nothing to move.
select m.head, m.moved, h.pruned from public.sync_move() m cross join sync_head h

-- name: log_head
select h.lsn as head, h.pruned from sync_head h

-- name: log_rels
-- Tables that have changed between two numbers.
select f.rel::bigint as rel, max(f.lsn) as lsn from sync_feed f
where f.lsn > :after::bigint and f.lsn <= :upto::bigint group by f.rel

-- name: log_waiting
-- Whether a transaction that the snapshot shows has no number yet.
select exists (select from sync_outbox o where o.xact_id::text = any (:waiting::text[])) as some

-- name: log_in_outbox
-- Within the snapshot's own transaction: the transactions it shows and the log does not.
select h.lsn as head, pg_current_snapshot()::text as snapshot,
    array(select distinct o.xact_id::text from sync_outbox o) as waiting
from sync_head h

-- name: layout
-- A table as it is now, a row per column. The digest changes with whatever a reader could notice.
select c.oid::bigint as rel, n.nspname::text as schema, c.relname::text as name, c.relkind::text as relkind,
    a.attname::text as column, a.attnotnull as not_null, a.atttypmod as modifier,
    coalesce(e.typname, t.typname)::text as kind, case when e.oid is not null then greatest(a.attndims, 1) else 0 end as dims,
    array_position(i.indkey::int2[], a.attnum) as key_index,
    md5(string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull), ',')
        over (order by a.attnum rows between unbounded preceding and unbounded following)) as digest
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
left join pg_index i on i.indrelid = c.oid and i.indisprimary
where n.nspname = :schema::text and c.relname = :table::text and c.relkind in ('r', 'p')
order by a.attnum

-- name: layouts_now
-- The digests of some tables, the same as above; a table that is gone has none.
select c.oid::bigint as rel,
    md5(string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull), ',' order by a.attnum)) as digest
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.oid = any (:rels::oid[])
group by c.oid

-- name: shape_current
select s.handle, s.snapshot_lsn, s.waiting::text[] as waiting, s.snapshot, s.chunks, s.row_count, s.layout
from sync_shapes s
where s.definition = :definition::text and s.is_current

-- name: shape_by_handle
select s.handle, s.definition, s.rel, s.layout, s.snapshot_lsn, s.waiting::text[] as waiting, s.snapshot, s.chunks,
    s.row_count
from sync_shapes s
where s.handle = :handle::text

-- name: shape_alive
select s.handle from sync_shapes s where s.handle = any (:handles::text[])

-- name: shape_reserve
-- The row that the chunks hang on; filled in by shape_filled.
insert into sync_shapes (handle, definition, rel, layout, spec, snapshot_lsn, waiting, snapshot, chunks, row_count, byte_count)
values (:handle::text, :definition::text, :rel::oid, :layout::text, :spec::jsonb, :snapshot_lsn::bigint,
    (:waiting::text[])::xid8[], :snapshot::text, 1, 0, 0)

-- name: shape_filled
update sync_shapes s
set chunks = greatest(c.chunks, 1), row_count = :row_count::bigint, byte_count = c.bytes
from (select count(*)::integer as chunks, coalesce(sum(octet_length(k.body)), 0) as bytes
      from sync_chunks k where k.handle = :handle::text) c
where s.handle = :handle::text
returning s.chunks

-- name: shape_chunk
select c.body from sync_chunks c where c.handle = :handle::text and c.number = :number::int

-- name: shape_retire
-- Whoever follows it may go on; who starts gets a new snapshot.
update sync_shapes s set is_current = false where s.handle = :handle::text

-- name: shape_drop
delete from sync_shapes s where s.handle = :handle::text returning s.handle

-- name: shape_drop_of_table
delete from sync_shapes s where s.rel = :rel::oid returning s.handle

-- name: shape_used
-- Once a minute is enough to know what nobody wants any more.
update sync_shapes s set used_at = clock_timestamp()
where s.handle = any (:handles::text[]) and s.used_at < clock_timestamp() - interval '1 minute'

-- name: shape_sizes
-- What is followed: rows, bytes and age of each shape.
select s.handle, s.rel::regclass::text as table, s.spec ->> 'where' as condition, s.row_count, s.byte_count, s.chunks,
    s.is_current, s.made_at, s.used_at, h.lsn - s.snapshot_lsn as transactions_since
from sync_shapes s cross join sync_head h
order by s.byte_count desc

-- name: person
-- Whose rows may be seen: role, and the vendors that answer to the person's address.
select u.id, u.role::text as role, u.email,
    array(select v.id::text from vendors v where lower(v.email) = lower(u.email) order by v.id) as vendors
from users u where u.id = :user_id::uuid and u.is_active

-- name: recovered
-- After a restore: numbers jump over the lost span, every follower starts anew, and what waits in the outbox is dropped,
-- for its table may have another number now. Nothing is lost by that: snapshots read the tables.
with raised as (
    update sync_head h
    set lsn = greatest(h.lsn, (extract(epoch from clock_timestamp()) * 1000)::bigint * 1000) + 1000000000,
        pruned = greatest(h.lsn, (extract(epoch from clock_timestamp()) * 1000)::bigint * 1000) + 1000000000,
        epoch = h.epoch + 1
    where :since::timestamptz is null or true
    returning h.lsn
), gone as (
    delete from sync_shapes s returning s.handle
)
select g.handle from gone g cross join raised r

-- name: capture_lock
select pg_advisory_xact_lock(1785684601)

-- name: capture_there
-- Whether the changes of a table go to the log.
select exists (select from pg_trigger t
               where t.tgrelid = :rel::oid and t.tgfoid = 'public.sync_capture()'::regprocedure) as there
