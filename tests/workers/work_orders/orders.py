"""What tests of work orders do in SQL, as an application does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.db.connect import Connection

USER = "ada@example.org"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def make_user(db: Connection, email: str = USER) -> UUID:
    found: UUID = await db.fetchval(
        "insert into users (email, external_id) values ($1, $2) returning id", email, f"ext {email}"
    )
    return found


@dataclass
class Orders:
    """One workspace with a spreadsheet."""

    db: Connection
    workspace_id: UUID
    user_id: UUID
    spreadsheet_id: str

    async def ingest(self, name: str, db: Connection | None = None, **fields: Any) -> Any:
        """The bytes of that name; with fields as a caller who has read them himself."""
        return await (db or self.db).fetchrow(
            "select * from ingest_work_order($1, $2, $3, 10, 'GMAIL', '{\"filename\": \"x.pdf\"}', $4)",
            self.workspace_id,
            sha(name),
            f"sha256/{sha(name)}",
            json.dumps(fields) if fields else None,
        )

    async def signed(self, name: str, number: str | None, db: Connection | None = None, fm_key: str = "") -> Any:
        return await (db or self.db).fetchrow(
            "select * from ingest_signed($1, $2, $3, 10, 'GMAIL', '{}', $4, $5, '{}')",
            *(self.workspace_id, sha(name), f"sha256/{sha(name)}", fm_key, number),
        )

    async def order(self, order_id: UUID) -> dict[str, Any]:
        row = await self.db.fetchrow("select * from work_orders where id = $1", order_id)
        assert row is not None
        return dict(row)

    async def document(self, signed_id: UUID) -> dict[str, Any]:
        row = await self.db.fetchrow("select * from signed_documents where id = $1", signed_id)
        assert row is not None
        return dict(row)

    async def reviews(self) -> list[str]:
        """Kinds of the open ones."""
        rows = await self.db.fetch(
            "select kind from work_order_reviews where workspace_id = $1 and resolution is null order by id",
            self.workspace_id,
        )
        return [row["kind"] for row in rows]

    async def review(self, kind: str) -> dict[str, Any]:
        row = await self.db.fetchrow(
            "select * from work_order_reviews where workspace_id = $1 and kind = $2 and resolution is null",
            *(self.workspace_id, kind),
        )
        assert row is not None
        return {**dict(row), "details": json.loads(row["details"])}

    async def resolve(self, kind: str, decision: str, db: Connection | None = None, **fields: str) -> None:
        """Answers the open question of that kind."""
        review, author = await self.review(kind), json.dumps({"user_id": str(self.user_id)})
        query = "select work_orders_resolve($1, $2, $3, $4)"
        await (db or self.db).execute(query, review["id"], decision, json.dumps(fields), author)

    async def job(self, order_id: UUID) -> dict[str, Any]:
        row = await self.db.fetchrow("select * from export_jobs where work_order_id = $1", order_id)
        assert row is not None
        return dict(row)

    async def count(self, table: str) -> int:
        found: int = await self.db.fetchval(f"select count(*) from {table} where workspace_id = $1", self.workspace_id)
        return found


async def make_orders(db: Connection, spreadsheet_id: str = "sheet-1", email: str = USER) -> Orders:
    user = await db.fetchval("select id from users where email = $1", email) or await make_user(db, email)
    workspace = await db.fetchval("select get_or_create_workspace($1, $2)", spreadsheet_id, email)
    return Orders(db, workspace, user, spreadsheet_id)
