Users and what they prove themselves with. A token or a session is known by its SHA-256 only.

-- name: user.by_email
select u.id, u.email, u.is_active from users u where lower(u.email) = lower(:email::text) order by u.email = :email::text desc limit 1

-- name: user.insert
insert into users (email, first_name) values (:email::text, :first_name::text)
on conflict (email) do update set email = excluded.email
returning id, email, is_active

-- name: member.insert
insert into workspace_members (workspace_id, user_id) values (:workspace_id::uuid, :user_id::uuid)
on conflict do nothing

-- name: token.insert
insert into api_tokens (user_id, token_sha256, scope, name, expires_at, one_time)
values (:user_id::uuid, :sha256::bytea, :scope::text, :name::text, clock_timestamp() + :life_s::float8 * interval '1 second',
    :one_time::bool)
returning id, created_at, expires_at

-- name: token.list
select t.id, u.email, t.scope, t.name, t.created_at, t.last_used_at, t.expires_at, t.revoked_at,
    case when t.revoked_at is not null then 'revoked' when t.expires_at <= clock_timestamp() then 'expired'
         when not u.is_active then 'user inactive' else 'usable' end as state,
    clock_timestamp() as seen_at
from api_tokens t
join users u on u.id = t.user_id
where (:email::text is null or lower(u.email) = lower(:email::text))
order by t.created_at, t.id

-- name: token.between
-- Two are enough to know that the beginning of an id is not unique.
select t.id from api_tokens t where t.id between :low::uuid and :high::uuid order by t.id limit 2

-- name: token.revoke
update api_tokens t set revoked_at = coalesce(t.revoked_at, clock_timestamp()) where t.id = :id::uuid
returning t.id, t.name, t.revoked_at

-- name: token.exists
-- Whether anybody can log in with a token that was made on purpose.
select exists (select from api_tokens t join users u on u.id = t.user_id
               where t.revoked_at is null and not t.one_time and u.is_active
                 and (t.expires_at is null or t.expires_at > clock_timestamp())) as usable

-- name: actor.by_token
-- Who acts. The time of use is noted once a minute, so that a busy token does not write at every request.
with found as (
    select t.id, t.user_id, t.scope, t.last_used_at, u.email
    from api_tokens t
    join users u on u.id = t.user_id
    where t.token_sha256 = :sha256::bytea and t.revoked_at is null and u.is_active
      and (t.expires_at is null or t.expires_at > clock_timestamp())
), used as (
    update api_tokens t set last_used_at = clock_timestamp()
    from found f
    where t.id = f.id and (f.last_used_at is null or f.last_used_at < clock_timestamp() - interval '1 minute')
)
select f.id as token_id, f.user_id, f.scope, f.email,
    array(select m.workspace_id from workspace_members m where m.user_id = f.user_id) as workspaces
from found f

-- name: session.insert
with seen as (
    update users u set last_login = clock_timestamp() from api_tokens t where t.id = :token_id::uuid and u.id = t.user_id
)
insert into sessions (user_id, token, expires_at, api_token_id)
select t.user_id, :digest::text, least(t.expires_at, clock_timestamp() + :life_s::float8 * interval '1 second'), t.id
from api_tokens t
where t.id = :token_id::uuid

-- name: actor.by_session
select t.id as token_id, t.user_id, t.scope, u.email,
    array(select m.workspace_id from workspace_members m where m.user_id = t.user_id) as workspaces
from sessions s
join api_tokens t on t.id = s.api_token_id
join users u on u.id = t.user_id
where s.token = :digest::text and s.expires_at > clock_timestamp() and t.revoked_at is null and u.is_active
  and (t.expires_at is null or t.expires_at > clock_timestamp())

-- name: session.delete
-- The own one, and those that nobody can use any more.
delete from sessions s where s.token = :digest::text or (s.api_token_id is not null and s.expires_at <= clock_timestamp())
