-- A UUIDv7 on PostgreSQL 15 to 18, the same body on each, so that a dump restores anywhere: milliseconds, 12 bits of their
-- fraction, 62 random bits. Ids are no secrets: strong random bytes cost a system call each, twice the INSERT of a row.
-- Ordered by the server's clock only: good for index locality, never a cursor.
create or replace function rowmill.uuid7() returns uuid
language sql volatile parallel restricted
as $$
select (overlay(lpad(to_hex((date_part('epoch', clock_timestamp()) * 4096000)::bigint), 15, '0') placing '7' from 13 for 0)
    || to_hex(32768 + floor(random() * 16384)::int)
    || lpad(to_hex(floor(random() * 281474976710656)::bigint), 12, '0'))::uuid
$$;
