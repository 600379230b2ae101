-- What an audit row keeps of a payload: all of it up to 2 kB, else its fingerprint and size. Its text is made once: of a
-- payload that is nested deeply that takes most of a commit.
create or replace function rowmill.input_data(payload jsonb) returns jsonb
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
select case when octet_length(p.written) <= 2048 then payload
    else jsonb_build_object('sha256', encode(sha256(convert_to(p.written, 'UTF8')), 'hex'),
                            'bytes', octet_length(p.written)) end
from (select payload::text as written offset 0) p
$$;
