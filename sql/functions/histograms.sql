-- Histograms of rowmill.task_stats: element i counts values above bound i - 1 up to bound i; trailing zeros are left out,
-- and one element beyond the last bound counts what is longer.

-- Log-spaced bounds in milliseconds, two for each doubling, 1 ms to 70 minutes; core/queue/stats.py has the same.
create or replace function rowmill.histogram_bounds() returns double precision[]
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
select array(select 2::double precision ^ (step / 2.0::double precision) from generate_series(0, 44) step order by step)
$$;

create or replace function rowmill.add_histograms(p_one bigint[], p_other bigint[]) returns bigint[]
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
select array(select coalesce(one, 0) + coalesce(other, 0)
             from unnest(p_one, p_other) with ordinality as u (one, other, place) order by place)
$$;

-- Linear inside the bucket that holds it, so it is at most one bucket (41 %) from the true value. Null without values.
-- SECURITY DEFINER: a reader of the views has no right to look up names in this schema.
create or replace function rowmill.percentile(p_histogram bigint[], p_fraction double precision)
returns double precision
language sql immutable parallel safe security definer set search_path = pg_catalog, pg_temp
as $$
with bucket as (
    select n::double precision as n, place::int as place, sum(n) over (order by place)::double precision as upto,
        p_fraction * (sum(n) over ())::double precision as wanted
    from unnest(p_histogram) with ordinality as u (n, place)
), hit as (
    select b.n, b.upto, b.wanted, coalesce(bounds[b.place - 1], 0) as low,
        coalesce(bounds[b.place], bounds[b.place - 1]) as high
    from bucket b cross join rowmill.histogram_bounds() as bounds
    where b.n > 0 and b.upto >= b.wanted
    order by b.place limit 1
)
select round((h.low + (h.high - h.low) * greatest(h.wanted - (h.upto - h.n), 0) / h.n)::numeric, 1)::double precision
from hit h
$$;
