"""Who may follow what: the server adds its own part to every shape; a client can only narrow it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.db.connect import Connection
from tests.running import Database
from tests.serving import Client, Site, running_site
from tests.workers.turns.estate import Estate


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with running_site(database, domains=("workers.turns",), shape_poll_s=2.0) as running:
        yield running


async def as_role(site: Site, estate: Estate, role: str, **given: Any) -> Client:
    await estate.person(role)
    email = await estate.db.fetchval("select email from users where id = $1", estate.people[role])
    return await site.client("operate", email=email, create_user=False, **given)


async def asked(client: Client, **query: str) -> tuple[int, dict[str, str], Any]:
    path = f"{client.url}/v1/shape"
    async with client.session.get(path, params={"offset": "-1", **query}, headers=client.headers) as answer:
        return answer.status, dict(answer.headers), json.loads(await answer.read() or b"null")


async def seen(client: Client, table: str, column: str, **query: str) -> list[str]:
    status, _, body = await asked(client, table=table, **query)
    assert status == 200, body
    return sorted(each["value"][column] for each in body if "value" in each)


async def test_a_manager_sees_the_own_properties_alone(site: Site, estate: Estate) -> None:
    await estate.insert("properties", property_id="P-2", name="Oak", street_address="2 Oak Street")
    assert await seen(await as_role(site, estate, "PROPERTY_MANAGER"), "properties", "property_id") == ["P-1"]
    assert await seen(await as_role(site, estate, "USER"), "properties", "property_id") == []
    assert await seen(await as_role(site, estate, "ADMIN"), "properties", "property_id") == ["P-1", "P-2"]


async def test_a_condition_can_only_narrow(site: Site, estate: Estate) -> None:
    await estate.insert("properties", property_id="P-2", name="Oak", street_address="2 Oak Street")
    manager = await as_role(site, estate, "PROPERTY_MANAGER")
    assert await seen(manager, "properties", "property_id", where="true or property_id = 'P-2'") == ["P-1"]
    assert await seen(manager, "properties", "property_id", where="property_id = 'P-2'") == []


async def test_inactive_turns_and_vendors_without_approval_are_not_followed(site: Site, estate: Estate) -> None:
    await estate.turn(turn_id="T-1")
    await estate.turn(turn_id="T-2", is_active=False)
    await estate.insert("vendors", name="Not yet")
    manager = await as_role(site, estate, "PROPERTY_MANAGER")
    assert await seen(manager, "turns", "turn_id") == ["T-1"]
    assert await seen(manager, "vendors", "name") == ["Brush & Co"]


async def test_a_vendor_sees_the_own_turns_alone(site: Site, estate: Estate) -> None:
    await estate.db.execute("update vendors set email = 'vendor@example.org'")
    await estate.turn(turn_id="T-1", vendor_id=estate.vendor_id)
    await estate.turn(turn_id="T-2")
    assert await seen(await as_role(site, estate, "VENDOR"), "turns", "turn_id") == ["T-1"]


async def test_the_audit_is_for_administrators(site: Site, estate: Estate) -> None:
    turn = await estate.turn()
    admin = await as_role(site, estate, "ADMIN")
    assert str(turn) in await seen(admin, "audit_logs", "row_id", where="table_name = 'turns'")
    status, _, body = await asked(await as_role(site, estate, "PROPERTY_MANAGER"), table="audit_logs")
    assert (status, list(body["errors"])) == (400, ["table"])


@pytest.mark.parametrize(
    "table", ["users", "sessions", "api_tokens", "task_queue", "sync_feed", "pg_catalog.pg_authid"]
)
async def test_what_is_not_meant_to_be_followed_is_not(site: Site, estate: Estate, table: str) -> None:
    status, _, body = await asked(await as_role(site, estate, "SUPER_ADMIN"), table=table)
    assert (status, list(body["errors"])) == (400, ["table"])


async def test_another_workspace_is_another_world(site: Site, estate: Estate, db: Connection) -> None:
    world = await estate.other_world()
    await estate.turn(turn_id="T-1")
    await estate.turn(turn_id="T-2", **world.turn)
    other = await as_role(site, estate, "SR_PROPERTY_MANAGER", workspaces=(world.workspace_id,))
    assert await seen(other, "turns", "turn_id") == ["T-2"]
    assert await seen(other, "turns", "turn_id", where="workspace_id is not null or true") == ["T-2"]


async def test_a_handle_of_somebody_else_is_worth_nothing(site: Site, estate: Estate) -> None:
    manager, stranger = await as_role(site, estate, "PROPERTY_MANAGER"), await as_role(site, estate, "USER")
    _, headers, _ = await asked(manager, table="properties")
    handle = headers["electric-handle"]
    status, found, _ = await asked(stranger, table="properties", offset="0_0", handle=handle)
    assert (status, found["electric-handle"] != handle) == (409, True)


async def test_who_loses_a_property_loses_its_row(site: Site, estate: Estate) -> None:
    manager = await as_role(site, estate, "PROPERTY_MANAGER")
    _, headers, _ = await asked(manager, table="properties")
    await estate.db.execute("update properties set property_manager_id = null")
    _, _, body = await asked(manager, table="properties", offset="0_0", handle=headers["electric-handle"])
    assert [each["headers"].get("operation") for each in body] == ["delete", None]


async def test_no_shared_cache_may_keep_what_is_one_persons(site: Site, estate: Estate) -> None:
    manager = await as_role(site, estate, "PROPERTY_MANAGER")
    status, headers, _ = await asked(manager, table="properties")
    assert (status, headers["Cache-Control"], headers["Vary"]) == (200, "private, no-cache", "authorization, cookie")
    _, headers, _ = await asked(manager, table="properties", offset="0_0", handle=headers["electric-handle"])
    assert headers["Cache-Control"].startswith("private, ")


async def test_nobody_is_served_without_a_token_and_nobody_drops_a_shape(site: Site, estate: Estate) -> None:
    status, headers, body = await asked(site.stranger(), table="turns")
    assert (status, headers["Access-Control-Allow-Origin"], "message" in body) == (401, "*", True)
    manager = await as_role(site, estate, "ADMIN")
    async with manager.session.delete(f"{manager.url}/v1/shape?table=turns", headers=manager.headers) as answer:
        assert answer.status == 405
    async with manager.session.options(f"{manager.url}/v1/shape") as answer:
        assert answer.status == 204
