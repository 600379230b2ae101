Users and what they prove themselves with. A token or a session is known by its SHA-256 only.

-- name: user.by_email
select u.id, u.email, u.is_active from users u where lower(u.email) = lower(:email::text) order by u.email = :email::text desc limit 1

-- name: user.insert
insert into users (email) values (:email::text)
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
-- Whether anybody can log in, with a password or with a token that was made on purpose.
select exists (select from api_tokens t join users u on u.id = t.user_id
               where t.revoked_at is null and not t.one_time and u.is_active
                 and (t.expires_at is null or t.expires_at > clock_timestamp()))
    or exists (select from users u where u.is_active and u.password_hash is not null) as usable

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
-- One that stands on a token.
with seen as (
    update users u set last_login = clock_timestamp() from api_tokens t where t.id = :token_id::uuid and u.id = t.user_id
    returning u.id
), told as (
    insert into audit_events (entity, entity_id, action, user_id)
    select 'user', s.id::text, 'logged_in', s.id from seen s
)
insert into sessions (user_id, token, expires_at, api_token_id)
select t.user_id, :digest::text, least(t.expires_at, clock_timestamp() + :life_s::float8 * interval '1 second'), t.id
from api_tokens t
where t.id = :token_id::uuid
returning expires_at

-- name: actor.by_session
-- A session of a password has the scope of its user's role; one that stands on a token has the token's, and ends with it.
select coalesce(t.id, s.id) as token_id, u.id as user_id, u.email,
    coalesce(t.scope, case u.role when 'SUPER_ADMIN' then 'admin' else 'operate' end) as scope,
    array(select m.workspace_id from workspace_members m where m.user_id = u.id) as workspaces
from sessions s
join users u on u.id = s.user_id
left join api_tokens t on t.id = s.api_token_id
where s.token = :digest::text and s.expires_at > clock_timestamp() and u.is_active
  and (s.api_token_id is null
       or (t.revoked_at is null and (t.expires_at is null or t.expires_at > clock_timestamp())))

-- name: session.close
-- The own one, and those that nobody can use any more.
with ended as (
    delete from sessions s where s.token = :digest::text or s.expires_at <= clock_timestamp()
    returning s.user_id, s.token
)
insert into audit_events (entity, entity_id, action, user_id)
select 'user', e.user_id::text, 'logged_out', e.user_id from ended e where e.token = :digest::text

-- name: user.to_judge
select u.id, u.email, u.password_hash from users u
where lower(u.email::text) = lower(:email::text) and u.is_active and u.password_hash is not null
order by u.email = :email::text desc
limit 1

-- name: session.open
-- Only while the password that was judged is still the password.
with seen as (
    update users u set last_login = clock_timestamp(), password_hash = :password_hash::text
    where u.id = :user_id::uuid and u.is_active and u.password_hash = :judged::text
    returning u.id
), opened as (
    insert into sessions (user_id, token, expires_at)
    select s.id, :digest::text, clock_timestamp() + :life_s::float8 * interval '1 second' from seen s
    returning user_id, expires_at
), told as (
    insert into audit_events (entity, entity_id, action, user_id)
    select 'user', o.user_id::text, 'logged_in', o.user_id from opened o
)
select o.expires_at from opened o

-- name: login.refused
insert into audit_events (entity, entity_id, action)
select 'user', u.id::text, 'login_refused' from users u where u.id = :user_id::uuid

-- name: password.set
-- The audit says that, never what.
with done as (
    update users u set password_hash = :password_hash::text, email_verified = u.email_verified or :verified::bool,
        updated_by = coalesce(:by::uuid, u.updated_by)
    where u.id = :user_id::uuid
    returning u.id
), ended as (
    delete from sessions s using done d
    where s.user_id = d.id and (:own::text is null or s.token <> :own::text)
    returning s.id
), told as (
    insert into audit_events (entity, entity_id, action, after, user_id)
    select 'user', d.id::text, 'password_set', jsonb_build_object('sessions_ended', (select count(*) from ended)), :by::uuid
    from done d
)
select count(*) as ended from ended

-- name: sessions.end
-- All of a user, but perhaps the own one.
with ended as (
    delete from sessions s where s.user_id = :user_id::uuid and (:own::text is null or s.token <> :own::text)
    returning s.id
), told as (
    insert into audit_events (entity, entity_id, action, after, user_id)
    select 'user', :user_id::uuid::text, 'sessions_ended', jsonb_build_object('sessions', (select count(*) from ended)),
        :by::uuid
    where exists (select from ended)
)
select count(*) as ended from ended

-- name: user.tell
select u.id, u.email, u.first_name, u.last_name, u.role::text as role, u.email_verified, u.last_login
from users u
where u.id = :user_id::uuid

-- name: user.list
select u.id, u.email, u.first_name, u.last_name, u.role::text as role, u.email_verified, u.last_login,
    case when not u.is_active then 'switched off' when u.password_hash is null then 'no password' else 'active' end as state,
    (select count(*) from sessions s where s.user_id = u.id and s.expires_at > clock_timestamp()) as sessions,
    clock_timestamp() as seen_at
from users u
order by lower(u.email::text), u.email

-- name: user.set
-- What is null stays. Whoever is switched off is logged out.
with done as (
    update users u set role = coalesce(:role::text::user_role, u.role), is_active = coalesce(:is_active::bool, u.is_active),
        email_verified = coalesce(:verified::bool, u.email_verified),
        first_name = coalesce(:first_name::text, u.first_name), last_name = coalesce(:last_name::text, u.last_name)
    where u.id = :user_id::uuid
    returning u.id, u.email, u.role, u.is_active, u.email_verified
), ended as (
    delete from sessions s using done d where s.user_id = d.id and not d.is_active
), told as (
    insert into audit_events (entity, entity_id, action, after)
    select 'user', d.id::text, 'user_set', to_jsonb(d) from done d
)
select d.email, d.role::text as role, d.is_active, d.email_verified from done d

-- name: attempt.insert
with old as (delete from login_attempts a where a.at < clock_timestamp() - interval '1 hour')
insert into login_attempts (account_sha256, peer) values (:account::bytea, :peer::text)
returning id

-- name: attempt.count
-- This one included. `wait_s` until the oldest of them is forgotten.
select count(*) filter (where a.account_sha256 = :account::bytea and a.peer = :peer::text) as here,
    count(*) filter (where a.account_sha256 = :account::bytea) as account,
    count(*) filter (where a.peer = :peer::text) as peer,
    (extract(epoch from min(a.at) - clock_timestamp()) + :window_s::float8)::float8 as wait_s
from login_attempts a
where (a.account_sha256 = :account::bytea or a.peer = :peer::text)
    and a.at > clock_timestamp() - :window_s::float8 * interval '1 second'

-- name: attempt.delete
delete from login_attempts a where a.id = :id::uuid

-- name: attempt.forget
delete from login_attempts a where a.account_sha256 = :account::bytea and a.peer = :peer::text
