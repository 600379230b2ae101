"""Properties, stages, vendors, turns and people for the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from core.db.connect import Connection

NOWHERE = UUID(int=0)
STAGES = ("Moved out", "Scoped", "Approval", "Work", "Done")


@dataclass(frozen=True)
class World:
    """A workspace, and what a turn there may name."""

    workspace_id: UUID
    property_id: UUID
    stage_id: UUID
    vendor_id: UUID

    @property
    def turn(self) -> dict[str, UUID]:
        return {"workspace_id": self.workspace_id, "property_id": self.property_id, "stage_id": self.stage_id}


@dataclass
class Estate:
    """What is there. `stages` by name: amount is needed from Scoped, approval in Approval, a vendor in Work."""

    db: Connection
    people: dict[str, UUID] = field(default_factory=dict)
    stages: dict[str, UUID] = field(default_factory=dict)
    property_id: UUID = NOWHERE
    vendor_id: UUID = NOWHERE

    async def person(self, role: str, email: str | None = None) -> UUID:
        if role not in self.people:
            self.people[role] = await self.db.fetchval(
                "insert into users (email, role) values ($1, $2) returning id",
                email or f"{role.lower()}@example.org",
                role,
            )
        return self.people[role]

    async def turn(self, **columns: Any) -> UUID:
        values = {
            "turn_id": f"T-{uuid4().hex[:12]}",
            "property_id": self.property_id,
            "stage_id": self.stages["Moved out"],
            **columns,
        }
        return await self.insert("turns", **values)

    async def other_world(self) -> World:
        """Another workspace, with a property of the same manager, a stage and a vendor of its own."""
        space: UUID = await self.db.fetchval("insert into workspaces (name) values ('Other') returning id")
        manager = await self.person("PROPERTY_MANAGER")
        return World(
            space,
            await self.insert(
                "properties",
                workspace_id=space,
                property_id="P-9",
                name="Far",
                street_address="9 Far Street",
                property_manager_id=manager,
            ),
            await self.insert("turn_stages", workspace_id=space, name="Far", display_order=100),
            await self.insert("vendors", workspace_id=space, name="Far & Co", is_approved=True),
        )

    async def insert(self, table: str, **values: Any) -> UUID:
        names = ", ".join(values)
        marks = ", ".join(f"${at}" for at in range(1, len(values) + 1))
        made: UUID = await self.db.fetchval(
            f"insert into {table} ({names}) values ({marks}) returning id", *values.values()
        )
        return made

    async def set(self, turn: UUID, **columns: Any) -> None:
        marks = ", ".join(f"{name} = ${at}" for at, name in enumerate(columns, start=2))
        await self.db.execute(f"update turns set {marks} where id = $1", turn, *columns.values())

    async def row(self, turn: UUID, table: str = "turns") -> dict[str, Any]:
        found = await self.db.fetchrow(f"select * from {table} where id = $1", turn)
        assert found is not None
        return dict(found)

    @asynccontextmanager
    async def acting(self, role: str) -> AsyncIterator[UUID]:
        """A transaction in the name of a person of this role."""
        user = await self.person(role)
        async with self.db.transaction():
            await self.db.execute("select set_config('rowmill.user_id', $1, true)", str(user))
            yield user


async def make_estate(db: Connection) -> Estate:
    estate = Estate(db)
    manager = await estate.person("PROPERTY_MANAGER")
    for order, name in enumerate(STAGES, start=1):
        estate.stages[name] = await estate.insert(
            "turn_stages",
            name=name,
            display_order=order,
            is_amount_required=order >= 2,
            requires_approval=name == "Approval",
            is_vendor_required=name == "Work",
            is_complete_stage=name == "Done",
        )
    estate.property_id = await estate.insert(
        "properties", property_id="P-1", name="Elm 1", street_address="1 Elm Street", property_manager_id=manager
    )
    estate.vendor_id = await estate.insert("vendors", name="Brush & Co", is_approved=True)
    return estate
