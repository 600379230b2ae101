"""Nothing but /healthz answers without a token; a token may what its scope says, until it ends."""

from __future__ import annotations

import hashlib

import aiohttp
import pytest

from core.people.tokens import SCOPES, Scope
from core.web.routes import Route, routes
from tests.serving import Client, Reply, Site

ID = "00000000-0000-4000-8000-00000000abcd"


def every_route(site: Site) -> list[Route]:
    return routes(site.served.shell.packages)


def address(route: Route) -> str:
    path = route.path
    for name in route.in_path:
        path = path.replace(f"{{{name}}}", "7" if name == "row_id" else ID)
    return path


async def test_nothing_but_healthz_answers_without_a_token(site: Site) -> None:
    stranger = site.stranger()
    assert (await stranger.get("/healthz")).ok() == {"alive": True}
    known = {(route.method, address(route)) for route in every_route(site)}
    assert len(known) > 15
    for method, path in sorted(
        known | {("GET", "/openapi.json"), ("POST", "/logout"), ("GET", "/"), ("GET", "/no/such")}
    ):
        reply = await stranger.ask(method, path)
        assert (path, reply.status) == (path, 401)
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await stranger.ask("POST", "/login", data={"token": "rowmill_guess"})).status == 401


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_token_reaches_exactly_the_routes_of_its_scope(site: Site, scope: Scope) -> None:
    client = await site.client(scope)
    for route in every_route(site):
        if route.path.startswith("/api/toy/"):  # some of them wait
            continue
        reply = await client.ask(route.method, address(route))
        allowed = SCOPES.index(scope) >= SCOPES.index(route.scope)
        assert (route.path, route.method, reply.status != 403) == (route.path, route.method, allowed)


@pytest.mark.parametrize(
    "end",
    [
        "update api_tokens set revoked_at = clock_timestamp()",
        "update api_tokens set expires_at = clock_timestamp()",
        "update users set is_active = false",
        "delete from users",
    ],
)
async def test_a_token_that_has_ended_is_refused_at_the_next_request(site: Site, end: str) -> None:
    client = await site.client("read")
    (await client.get("/api/workers")).ok()
    await site.db.execute(end)
    (await client.get("/api/workers")).refusal(401, "unauthorized")


async def test_a_token_is_kept_as_its_sha256_only(site: Site) -> None:
    client = await site.client("read")
    assert client.token is not None
    row = await site.db.fetchrow("select t.*, t::text as whole from api_tokens t where t.id = $1", client.token.id)
    assert row is not None
    assert row["token_sha256"] == hashlib.sha256(client.token.secret.encode()).digest()
    assert client.token.secret not in row["whole"]
    assert len(client.token.secret) >= 43  # 256 bits in base 64


async def test_whatever_is_no_token_is_refused(site: Site) -> None:
    for header in (
        "",
        "Bearer",
        "Bearer ",
        "Basic cm9vdDpyb290",
        "Bearer rowmill_x",
        "Bearer " + "x" * 5000,
        "Bearer é",
    ):
        reply = await site.stranger().get("/api/workers", headers={"Authorization": header})
        reply.refusal(401, "unauthorized")


async def test_use_of_a_token_is_noted(site: Site) -> None:
    client = await site.client("read")
    assert await site.db.fetchval("select max(last_used_at) from api_tokens") is None
    (await client.get("/api/workers")).ok()
    first = await site.db.fetchval("select max(last_used_at) from api_tokens")
    assert first is not None
    (await client.get("/api/workers")).ok()
    assert await site.db.fetchval("select max(last_used_at) from api_tokens") == first  # not at every request


# --- the page ---------------------------------------------------------------------------------------------------------


async def login(site: Site, client: Client, onward: str = "/sheets/1") -> Reply:
    assert client.token is not None
    return await site.stranger().ask("POST", "/login", key=None, data={"token": client.token.secret, "next": onward})


async def visitor(site: Site, client: Client) -> dict[str, str]:
    """The header a browser sends after the login."""
    reply = await login(site, client)
    cookie = reply.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    return {"Cookie": cookie.split(";")[0]}


async def test_a_person_gets_the_form_and_a_program_the_error(site: Site) -> None:
    reply = await site.stranger().get("/api/workers", headers={"Accept": "text/html,*/*"})
    assert reply.status == 401
    assert b'<form method="post" action="/login">' in reply.body
    assert "style-src 'sha256-" in reply.headers["Content-Security-Policy"]


async def test_a_login_opens_the_page_and_leads_back(site: Site) -> None:
    reply = await login(site, await site.client("read"))
    assert (reply.status, reply.headers["Location"]) == (303, "/sheets/1")
    cookie = {"Cookie": reply.headers["Set-Cookie"].split(";")[0]}
    (await site.stranger().get("/api/workers", headers=cookie)).ok()
    stored = await site.db.fetchval("select token from sessions")
    assert stored not in reply.headers["Set-Cookie"]


async def test_a_login_is_noted_on_its_user(site: Site) -> None:
    client = await site.client("read")
    assert await site.db.fetchval("select last_login from users where id = $1", await site.user_id(client)) is None
    await login(site, client)
    assert await site.db.fetchval("select last_login from users where id = $1", await site.user_id(client)) is not None


async def test_a_login_never_leads_to_another_site(site: Site) -> None:
    client = await site.client("read")
    for onward in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/a\r\nb"):
        assert (await login(site, client, onward)).headers["Location"] == "/"


async def test_the_form_quotes_what_it_was_given(site: Site) -> None:
    reply = await site.stranger().get('/"><script>x</script>', headers={"Accept": "text/html"})
    assert b"<script>" not in reply.body


async def test_a_change_by_cookie_needs_our_own_origin(site: Site) -> None:
    cookie = await visitor(site, await site.client("admin"))
    path = f"/api/tasks/{ID}/cancel"
    for origin in ("null", "https://evil.example", "http://127.0.0.1:1", "http://localhost"):
        (await site.stranger().post(path, headers=cookie | {"Origin": origin})).refusal(403, "foreign_origin")
    (await site.stranger().post(path, headers=cookie)).refusal(403, "foreign_origin")
    (await site.stranger().post(path, headers=cookie | {"Origin": site.served.url})).refusal(404)


async def test_a_socket_by_cookie_needs_our_own_origin(site: Site) -> None:
    cookie = await visitor(site, await site.client("read"))
    url = f"{site.served.url}/api/toy/echo/x"
    for foreign in ({}, {"Origin": "https://evil.example"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await site.session.ws_connect(url, headers=cookie | foreign)
        assert refused.value.status == 403
    async with site.session.ws_connect(url, headers=cookie | {"Origin": site.served.url}) as socket:
        assert (await socket.receive_str()).endswith("@example.org x")


async def test_a_session_ends_with_its_token_and_with_the_logout(site: Site) -> None:
    client = await site.client("read")
    first, second = await visitor(site, client), await visitor(site, client)
    own = {"Origin": site.served.url}
    assert (await site.stranger().ask("POST", "/logout", headers=first | own)).status == 303
    (await site.stranger().get("/api/workers", headers=first)).refusal(401)
    (await site.stranger().get("/api/workers", headers=second)).ok()
    await site.db.execute("update api_tokens set revoked_at = now()")
    (await site.stranger().get("/api/workers", headers=second)).refusal(401)


async def test_a_session_does_not_outlive_its_time(site: Site) -> None:
    cookie = await visitor(site, await site.client("read", life_s=3600))
    lasts = "select s.expires_at <= t.expires_at from sessions s join api_tokens t on t.id = s.api_token_id"
    assert await site.db.fetchval(lasts)
    await site.db.execute("update sessions set expires_at = now()")
    (await site.stranger().get("/api/workers", headers=cookie)).refusal(401)


async def test_a_foreign_name_for_this_machine_is_refused(site: Site) -> None:
    """DNS rebinding: the browser believes evil.example is this server."""
    client = await site.client("admin")
    (await client.get("/api/workers", headers={"Host": "evil.example"})).refusal(421, "unknown_host")
    (await client.get("/api/workers", headers={"Host": f"localhost:{site.served.port}"})).ok()


async def test_every_answer_carries_the_security_headers(site: Site) -> None:
    client = await site.client("read")
    for reply in (
        await client.get("/api/workers"),
        await site.stranger().get("/x"),
        await client.get("/api/toy/broken"),
    ):
        assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "Server" not in reply.headers
