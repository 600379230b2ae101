"""People log in with a password, and out; sessions end; guessing does not pay, and tells nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from core.db.workspace import DEFAULT_WORKSPACE
from core.people import attempts, logins, passwords, users
from core.people.tokens import SCOPES
from core.people.users import ROLES, Role
from core.web.auth import COOKIE
from core.web.routes import routes
from tests.core.web.test_auth import address
from tests.running import Database
from tests.serving import Client, Reply, Site, running_site

PASSWORD, OTHER = "correct horse battery", "another long password"
HASH = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)  # quick: hashed anew at the login
EMAIL = "ada@example.org"


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with running_site(database) as running:
        yield running


async def person(site: Site, email: str = EMAIL, role: Role = "USER", kept: str | None = HASH) -> UUID:
    user = await users.insert(site.db, email, [DEFAULT_WORKSPACE])
    await users.change(site.db, user["id"], role=role)
    await site.db.execute("update users set password_hash = $2 where id = $1", user["id"], kept)
    found: UUID = user["id"]
    return found


async def ask(site: Site, password: str = PASSWORD, email: str = EMAIL, **given: Any) -> Reply:
    return await site.stranger().ask("POST", "/login", key=None, json={"email": email, "password": password}, **given)


@dataclass
class Bearer(Client):
    """A client with a session."""

    secret: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


async def logged_in(site: Site, **given: Any) -> Bearer:
    return Bearer(site.served.url, site.session, secret=(await ask(site, **given)).ok()["token"])


async def actions(site: Site) -> list[str]:
    return [
        row["action"]
        for row in await site.db.fetch("select action from audit_events where entity = 'user' order by id")
    ]


async def forget(site: Site) -> None:
    await site.db.execute("delete from login_attempts")


# --- in and out -------------------------------------------------------------------------------------------------------


async def test_a_password_opens_a_session_that_is_kept_as_its_sha256(site: Site) -> None:
    user = await person(site)
    client = await logged_in(site)
    me = (await client.get("/api/me")).ok()
    assert (me["id"], me["email"], me["role"], me["scope"]) == (str(user), EMAIL, "USER", "operate")
    assert me["workspaces"] == [str(DEFAULT_WORKSPACE)]
    row = await site.db.fetchrow("select s.*, s::text as whole from sessions s")
    assert row is not None
    assert row["token"] == hashlib.sha256(client.secret.encode()).hexdigest()
    assert client.secret not in row["whole"]
    assert len(client.secret) >= len(logins.PREFIX) + 43  # 256 bits in base 64
    assert await site.db.fetchval("select last_login is not null from users where id = $1", user)


async def test_an_address_is_found_however_it_is_written(site: Site) -> None:
    await person(site)
    (await ask(site, email="  ADA@Example.ORG ")).ok()


async def test_the_form_gives_a_cookie_that_no_script_and_no_other_site_uses(site: Site) -> None:
    await person(site)
    data = {"email": EMAIL, "password": PASSWORD, "next": "/turns/"}
    proxied = {"X-Forwarded-Proto": "https"}
    reply = await site.stranger().ask("POST", "/login", key=None, data=data, headers=proxied)
    assert (reply.status, reply.headers["Location"]) == (303, "/turns/")
    cookie, *flags = (part.strip() for part in reply.headers["Set-Cookie"].split(";"))
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} <= set(flags)
    (await site.stranger().get("/api/me", headers={"Cookie": cookie})).ok()
    changing = {"current": PASSWORD, "new": OTHER}
    refused = await site.stranger().ask("PUT", "/api/me/password", headers={"Cookie": cookie}, json=changing)
    refused.refusal(403, "foreign_origin")


async def test_the_form_is_there_and_says_what_went_wrong_without_losing_the_address(site: Site) -> None:
    page = await site.stranger().get("/login?next=/turns/")
    assert (page.status, b'value="/turns/"' in page.body) == (200, True)
    data = {"email": "<ada>@example.org", "password": "wrong", "next": "//evil.example"}
    reply = await site.stranger().ask("POST", "/login", key=None, data=data)
    assert reply.status == 401
    assert b"The e-mail address or the password is wrong" in reply.body
    assert b'value="&lt;ada&gt;@example.org"' in reply.body
    assert b"evil" not in reply.body
    assert b"wrong" not in reply.body.replace(b"is wrong", b"")  # the password does not come back


async def test_a_logout_ends_the_session_wherever_its_secret_is(site: Site) -> None:
    await person(site)
    first, second = await logged_in(site), await logged_in(site)
    assert (await first.ask("POST", "/logout")).status == 303
    (await first.get("/api/me")).refusal(401, "unauthorized")
    (await site.stranger().get("/api/me", headers={"Cookie": f"{COOKIE}={first.secret}"})).refusal(401)
    (await second.get("/api/me")).ok()


async def test_a_session_ends_with_its_time_and_with_its_user(site: Site) -> None:
    user = await person(site)
    for end in (
        "update sessions set expires_at = clock_timestamp()",
        "update users set is_active = false",
        "delete from sessions",
    ):
        client = await logged_in(site)
        (await client.get("/api/me")).ok()
        await site.db.execute(end)
        (await client.get("/api/me")).refusal(401, "unauthorized")
        await site.db.execute("update users set is_active = true where id = $1", user)


async def test_expired_sessions_are_swept_by_a_logout(site: Site) -> None:
    await person(site)
    await logged_in(site)
    client = await logged_in(site)
    await site.db.execute("update sessions set expires_at = now() where token <> $1", logins.digest(client.secret))
    await client.ask("POST", "/logout")
    assert await site.db.fetchval("select count(*) from sessions") == 0


async def test_comings_and_goings_are_in_the_audit(site: Site) -> None:
    user = await person(site)
    client = await logged_in(site)
    await client.ask("POST", "/logout")
    assert (await ask(site, "wrong password")).status == 401
    assert (await ask(site, email="nobody@example.org")).status == 401
    assert await actions(site) == ["user_set", "logged_in", "logged_out", "login_refused"]
    told = await site.db.fetchval("select string_agg(a::text, '') from audit_events a")
    assert PASSWORD not in told
    assert str(user) in told


# --- a new password ---------------------------------------------------------------------------------------------------


async def test_a_new_password_ends_every_other_session(site: Site) -> None:
    await person(site)
    here, elsewhere = await logged_in(site), await logged_in(site)
    await person(site, "bob@example.org")
    stays = await logged_in(site, email="bob@example.org")
    changed = await here.ask("PUT", "/api/me/password", json={"current": PASSWORD, "new": OTHER})
    assert changed.ok() == {"sessions_ended": 1}
    (await here.get("/api/me")).ok()
    (await elsewhere.get("/api/me")).refusal(401)
    (await stays.get("/api/me")).ok()
    assert (await ask(site)).status == 401
    (await ask(site, OTHER)).ok()
    assert "password_set" in await actions(site)


async def test_a_password_is_changed_by_whoever_knows_it_alone(site: Site) -> None:
    await person(site)
    client = await logged_in(site)
    path = "/api/me/password"
    (await client.ask("PUT", path, json={"current": OTHER, "new": OTHER})).refusal(403, "wrong_password")
    (await client.ask("PUT", path, json={"current": PASSWORD, "new": "short"})).refusal(422, "unfit_password")
    (await client.ask("PUT", path, json={"current": PASSWORD})).refusal(400, "invalid")
    (await ask(site)).ok()


async def test_somebody_logs_out_everywhere_else(site: Site) -> None:
    await person(site)
    here, elsewhere = await logged_in(site), await logged_in(site)
    assert (await here.ask("DELETE", "/api/me/sessions")).ok() == {"sessions_ended": 1}
    (await here.get("/api/me")).ok()
    (await elsewhere.get("/api/me")).refusal(401)


async def test_a_password_that_changes_while_it_is_judged_opens_nothing(site: Site) -> None:
    user = await person(site)
    people = site.served.shell.people
    judged = people.hashing.run

    async def changed_meanwhile(work: Any) -> Any:
        found = await judged(work)
        await site.db.execute("update users set password_hash = $2 where id = $1", user, passwords.hashed(OTHER))
        return found

    object.__setattr__(people.hashing, "run", changed_meanwhile)
    assert (await ask(site)).status == 401
    assert await site.db.fetchval("select count(*) from sessions") == 0


async def test_an_old_hash_is_made_anew_at_the_login(site: Site) -> None:
    user = await person(site)
    (await ask(site)).ok()
    kept = await site.db.fetchval("select password_hash from users where id = $1", user)
    assert kept != HASH
    assert not passwords.is_outdated(kept)
    (await ask(site)).ok()


# --- guessing ---------------------------------------------------------------------------------------------------------


async def test_nobody_learns_who_has_a_password(site: Site) -> None:
    """The same answer, and the same work: argon2 is asked once each time."""
    asked: list[bool] = []
    hashing = site.served.shell.hashing
    run = hashing.run

    async def counted(work: Any) -> Any:
        asked.append(True)
        return await run(work)

    object.__setattr__(hashing, "run", counted)
    await person(site)
    await person(site, "without@example.org", kept=None)
    off = await person(site, "off@example.org")
    await users.change(site.db, off, is_active=False)
    said = []
    for email in (EMAIL, "without@example.org", "off@example.org", "nobody@example.org", ""):
        asked.clear()
        reply = await ask(site, "a wrong password", email)
        said.append((reply.status, reply.body, len(asked)))
    assert said == [said[0]] * len(said)
    assert said[0][::2] == (401, 1)
    assert (await ask(site, PASSWORD, "off@example.org")).status == 401


async def test_the_sixth_wrong_password_is_not_judged_until_later(site: Site) -> None:
    await person(site)
    for _ in range(attempts.LIMITS["here"]):
        assert (await ask(site, "a wrong password")).status == 401
    for password in ("a wrong password", PASSWORD):
        reply = await ask(site, password)
        reply.refusal(429, "too_many_attempts")
        assert 800 < int(reply.headers["Retry-After"]) <= attempts.WINDOW_S
    form = await site.stranger().ask("POST", "/login", key=None, data={"email": EMAIL, "password": PASSWORD})
    assert (form.status, b"wait 15 minutes" in form.body) == (429, True)
    await site.db.execute("update login_attempts set at = at - interval '15 minutes'")
    (await ask(site)).ok()


async def test_the_right_password_forgets_what_was_mistyped(site: Site) -> None:
    await person(site)
    for _ in range(3):
        for _ in range(attempts.LIMITS["here"] - 1):
            assert (await ask(site, "a wrong password")).status == 401
        (await ask(site)).ok()


async def test_guesses_at_the_same_moment_are_counted_together(site: Site) -> None:
    await person(site)
    guesses = await asyncio.gather(*(ask(site, f"a wrong password {at}") for at in range(20)))
    assert sum(each.status == 401 for each in guesses) <= attempts.LIMITS["here"]
    assert {each.status for each in guesses} <= {401, 429}


async def test_guesses_are_counted_for_an_account_and_for_a_place(site: Site) -> None:
    await person(site)
    digest = hashlib.sha256(EMAIL.encode()).digest()
    insert = "insert into login_attempts (account_sha256, peer) select $1, $2 from generate_series(1, $3)"
    await site.db.execute(insert, digest, "elsewhere", attempts.LIMITS["account"])
    (await ask(site)).refusal(429, "too_many_attempts")
    await forget(site)
    await site.db.execute(insert, b"somebody else", "127.0.0.1", attempts.LIMITS["peer"])
    (await ask(site)).refusal(429, "too_many_attempts")


async def test_a_stolen_session_does_not_guess_the_password(site: Site) -> None:
    await person(site)
    client = await logged_in(site)
    for _ in range(attempts.LIMITS["here"]):
        body = {"current": "a wrong password", "new": OTHER}
        (await client.ask("PUT", "/api/me/password", json=body)).refusal(403)
    changed = await client.ask("PUT", "/api/me/password", json={"current": PASSWORD, "new": OTHER})
    changed.refusal(429, "too_many_attempts")


async def test_old_attempts_are_swept(site: Site) -> None:
    await site.db.execute(
        "insert into login_attempts (account_sha256, peer, at) values ('x', 'y', now() - interval '2 h')"
    )
    assert (await ask(site)).status == 401
    assert await site.db.fetchval("select count(*) from login_attempts") == 1


async def test_what_cannot_be_read_is_told(site: Site) -> None:
    stranger = site.stranger()
    for given in (
        {"data": b"{", "headers": {"Content-Type": "application/json"}},
        {"json": [1]},
        {"data": b"x", "headers": {"Content-Type": "text/plain"}},
        {"json": {"email": EMAIL, "password": "x" * 5000}},
    ):
        (await stranger.ask("POST", "/login", key=None, **given)).refusal(400, "invalid")
    assert (await stranger.ask("POST", "/login", key=None, json={"email": 7, "password": [1]})).status == 401


# --- roles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_reaches_exactly_the_routes_of_its_scope(site: Site, role: Role) -> None:
    await person(site, role=role)
    client = await logged_in(site)
    scope = "admin" if role == "SUPER_ADMIN" else "operate"
    assert (await client.get("/api/me")).ok()["scope"] == scope
    for route in routes(site.served.shell.packages):
        if route.path.startswith(("/api/toy/", "/api/me")):  # some of them wait; the others end this session
            continue
        reply = await client.ask(route.method, address(route))
        allowed = SCOPES.index(scope) >= SCOPES.index(route.scope)
        assert (route.path, route.method, reply.status != 403) == (route.path, route.method, allowed)


async def test_another_role_holds_from_the_next_request_on(site: Site) -> None:
    user = await person(site, role="SUPER_ADMIN")
    client = await logged_in(site)
    assert (await client.get("/api/me")).ok()["scope"] == "admin"
    await users.change(site.db, user, role="USER")
    assert (await client.get("/api/me")).ok()["scope"] == "operate"
