"""`rowmill token`: made once, shown once, listed without what it is, worthless after a revoke."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill

CREATE = ("token", "create", "--user", "ada@example.org")


async def test_a_token_is_shown_once_and_kept_as_its_hash(rowmill: Rowmill, db: Connection) -> None:
    said = await rowmill(*CREATE, "--scope", "operate", "--create-user", "--expires", "90d", "--name", "ci")
    secret = said.out.strip()
    assert secret.startswith("rowmill_")
    assert "the only time" in said.err
    row = await db.fetchrow(
        "select t.*, u.email, m.workspace_id from api_tokens t join users u on u.id = t.user_id "
        "left join workspace_members m on m.user_id = u.id"
    )
    assert row is not None
    assert row["token_sha256"] == hashlib.sha256(secret.encode()).digest()
    assert (row["email"], row["scope"], row["name"]) == ("ada@example.org", "operate", "ci")
    assert row["workspace_id"] is not None
    left = row["expires_at"] - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)
    listed = await rowmill("token", "list", "--json")
    assert secret not in listed.out
    (told,) = listed.json()["tokens"]
    assert (told["state"], told["email"], told["id"]) == ("usable", "ada@example.org", str(row["id"]))


async def test_a_revoked_token_stays_in_the_list(rowmill: Rowmill) -> None:
    made = (await rowmill(*CREATE, "--scope", "read", "--create-user", "--json")).json()
    first = (await rowmill("token", "revoke", made["id"][:8], "--json")).json()
    again = (await rowmill("token", "revoke", made["id"], "--json")).json()
    assert first == again
    assert "revoked" in (await rowmill("token", "list")).words()
    assert (await rowmill("token", "list", "--user", "bob@example.org")).words().startswith("There is no token")


async def test_mistakes_are_told_in_a_sentence(rowmill: Rowmill, db: Connection) -> None:
    assert "--create-user" in (await rowmill(*CREATE, "--scope", "read")).refusal()
    assert "e-mail" in (await rowmill("token", "create", "--user", "ada", "--scope", "read")).refusal()
    assert "`rowmill token list`" in (await rowmill("token", "revoke", "0" * 32)).refusal()
    assert "`rowmill token list`" in (await rowmill("token", "revoke", "zz")).refusal()
    nowhere = ("--workspace", "00000000-0000-4000-8000-00000000ffff", "--create-user")
    assert "no workspace" in (await rowmill(*CREATE, "--scope", "read", *nowhere)).refusal()
    for wrong in ("soon", "0d", "99999999999d", "4000d"):
        said = await rowmill(*CREATE, "--scope", "read", "--create-user", "--expires", wrong)
        assert (said.code, said.out) == (2, "")  # a mistake in an option
    assert await db.fetchval("select count(*) from users") == 0
    await db.execute("insert into users (email, is_active) values ('ada@example.org', false)")
    assert "switched off" in (await rowmill(*CREATE, "--scope", "read")).refusal()
