"""Logins that are members of the roles, on one test's database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.db.connect import Connection
from tests.running import Database


@dataclass(frozen=True, slots=True)
class Login:
    """A login that may do what its roles may, and nothing as a superuser."""

    name: str
    dsn: str


MakeLogin = Callable[..., Awaitable[Login]]


@dataclass(slots=True)
class Logins:
    """Makes logins and takes them away."""

    database: Database
    db: Connection
    made: list[str] = field(default_factory=list)

    async def make(self, *roles: str, grants: str = "") -> Login:
        """`{role}` in the grants is the login."""
        name = f"login{len(self.made)}_{self.database.name}"
        await self.db.execute(f"create role {name} login")
        self.made.append(name)
        for role in roles:
            await self.db.execute(f"grant {role} to {name}")
        if grants:
            await self.db.execute(grants.format(role=name))
        return Login(name, self.database.dsn.replace("postgres@", f"{name}@"))

    async def forget(self) -> None:
        for name in self.made:
            await self.db.execute(f"drop owned by {name} cascade; drop role {name}")
