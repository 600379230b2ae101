"""Users: found by their address, made as members of workspaces, changed. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args
from uuid import UUID

import asyncpg

from core.db import catalogs
from core.db.connect import Connection
from core.errors import RowmillError

Role = Literal[
    "SUPER_ADMIN",
    "ADMIN",
    "PROPERTY_MANAGER",
    "SR_PROPERTY_MANAGER",
    "VENDOR",
    "INSPECTOR",
    "DFO_APPROVER",
    "HO_APPROVER",
    "USER",
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)


async def found(connection: Connection, email: str) -> asyncpg.Record | None:
    """However the address is written; the one written like this before the others."""
    rows = await catalogs.people()["user.by_email"].fetch(connection, email=email)
    return rows[0] if rows else None


async def needed(connection: Connection, email: str) -> asyncpg.Record:
    """Raises RowmillError."""
    user = await found(connection, email)
    if user is None:
        raise RowmillError(
            f"there is no user {email}; make one with `rowmill user create`, or list them with `rowmill user list`"
        )
    return user


async def insert(connection: Connection, email: str, workspaces: Sequence[UUID]) -> asyncpg.Record:
    """Raises RowmillError where there is no such workspace."""
    (user,) = await catalogs.people()["user.insert"].fetch(connection, email=email)
    await join(connection, user["id"], workspaces)
    return user


async def join(connection: Connection, user_id: UUID, workspaces: Sequence[UUID]) -> None:
    """Raises RowmillError where there is no such workspace."""
    for workspace_id in workspaces:
        try:
            await catalogs.people()["member.insert"].fetch(connection, workspace_id=workspace_id, user_id=user_id)
        except asyncpg.ForeignKeyViolationError:
            raise RowmillError(
                f"there is no workspace {workspace_id}; look for its id in the table workspaces, with `rowmill psql`"
            ) from None


async def change(
    connection: Connection,
    user_id: UUID,
    *,
    role: Role | None = None,
    is_active: bool | None = None,
    verified: bool | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
) -> asyncpg.Record:
    """What is None stays. Who is switched off is logged out."""
    values = {"role": role, "is_active": is_active, "verified": verified}
    names = {"first_name": first_name, "last_name": last_name}
    (done,) = await catalogs.people()["user.set"].fetch(connection, user_id=user_id, **values, **names)
    return done
