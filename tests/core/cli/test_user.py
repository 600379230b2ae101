"""`rowmill user`: who logs in, as what, with which password. A password is typed, never an argument."""

from __future__ import annotations

import io

import pytest

from core.db.connect import Connection
from core.people import passwords
from tests.core.cli.conftest import Rowmill

EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


def typed(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{line}\n"))


async def hash_of(db: Connection, email: str = EMAIL) -> str | None:
    found: str | None = await db.fetchval("select password_hash from users where email = $1", email)
    return found


async def test_a_user_is_made_and_gets_a_password(
    rowmill: Rowmill, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await rowmill("user", "create", EMAIL, "--role", "PROPERTY_MANAGER", "--first-name", "Ada")
    assert made.words() == "ada@example.org is made: PROPERTY_MANAGER"
    assert await db.fetchval("select count(*) from workspace_members") == 1
    assert "no password" in (await rowmill("user", "list")).words()
    typed(monkeypatch, PASSWORD)
    said = await rowmill("user", "password", EMAIL.upper(), "--verified")
    assert (said.code, said.out) == (0, "")
    assert passwords.matches(PASSWORD, await hash_of(db))
    (listed,) = (await rowmill("user", "list", "--json")).json()["users"]
    assert (listed["state"], listed["role"], listed["email_verified"]) == ("active", "PROPERTY_MANAGER", True)


async def test_a_password_that_is_made_up_is_shown_once(rowmill: Rowmill, db: Connection) -> None:
    await rowmill("user", "create", EMAIL)
    shown = (await rowmill("user", "password", EMAIL, "--generate")).words()
    assert passwords.matches(shown, await hash_of(db))
    again = (await rowmill("user", "password", EMAIL, "--generate", "--json")).json()
    assert passwords.matches(again["password"], await hash_of(db))


async def test_a_new_password_and_a_logout_end_sessions(
    rowmill: Rowmill, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rowmill("user", "create", EMAIL)
    insert = (
        "insert into sessions (user_id, token, expires_at) select id, gen_random_uuid()::text, 'infinity' from users"
    )
    await db.execute(insert)
    typed(monkeypatch, PASSWORD)
    assert (await rowmill("user", "password", EMAIL, "--json")).json() == {"user": EMAIL, "sessions_ended": 1}
    await db.execute(insert)
    assert (await rowmill("user", "logout", EMAIL)).words() == "1 session of ada@example.org ended"
    assert await db.fetchval("select count(*) from sessions") == 0


async def test_who_is_switched_off_is_logged_out_and_may_come_back(rowmill: Rowmill, db: Connection) -> None:
    await rowmill("user", "create", EMAIL)
    await db.execute("insert into sessions (user_id, token, expires_at) select id, 'x', 'infinity' from users")
    assert "switched off" in (await rowmill("user", "set", EMAIL, "--inactive")).words()
    assert await db.fetchval("select count(*) from sessions") == 0
    changed = (await rowmill("user", "set", EMAIL, "--active", "--role", "ADMIN", "--json")).json()
    assert changed == {"email": EMAIL, "role": "ADMIN", "is_active": True, "email_verified": False}
    acts = await db.fetch("select action from audit_events where entity = 'user' order by id")
    assert [row["action"] for row in acts] == ["user_set", "user_set", "user_set"]


async def test_mistakes_are_told_in_a_sentence(
    rowmill: Rowmill, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "e-mail" in (await rowmill("user", "create", "ada")).refusal()
    await rowmill("user", "create", EMAIL)
    assert "already" in (await rowmill("user", "create", "ADA@example.org")).refusal()
    for words in (("password", "--generate"), ("set", "--active"), ("logout",)):
        said = await rowmill("user", words[0], "bob@example.org", *words[1:])
        assert "`rowmill user create`" in said.refusal()
    typed(monkeypatch, "short")
    assert "at least 12" in (await rowmill("user", "password", EMAIL)).refusal()
    assert (await rowmill("user", "set", EMAIL, "--role", "KING")).code != 0
    assert await hash_of(db) is None
    assert (await rowmill("user", "list", "--json")).json()["users"][0]["state"] == "no password"


async def test_an_empty_list_says_what_to_do(rowmill: Rowmill) -> None:
    assert "`rowmill user create`" in (await rowmill("user", "list")).words()
