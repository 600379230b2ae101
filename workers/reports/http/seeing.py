"""Which team a name means for this user."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg

from core.web import Call, Refused

NO_TEAM = "there is no team {!r} that you may see; GET /api/reports/teams lists them, or run `rowmill reports seed`"


async def team_row(call: Call[Any, Any], name: str) -> asyncpg.Record:
    """Raises Refused 404."""
    rows = await call.read("http_team", team=name, workspaces=call.actor.visible)
    if not rows:
        raise Refused(404, "not_found", NO_TEAM.format(name), field="team")
    return rows[0]


async def team_id(call: Call[Any, Any], name: str | None) -> UUID | None:
    """None for all teams."""
    if name is None:
        return None
    found: UUID = (await team_row(call, name))["id"]
    return found
