"""In whose workspace a request acts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.web import Call, Refused, absent
from workers.work_orders.http.models import Where


async def workspace(call: Call[Any, Any], where: Where) -> UUID:
    """The workspace that is meant, made where its spreadsheet is new. Raises Refused 404 for one of strangers."""
    if where.workspace_id is not None:
        workspace_id = where.workspace_id
    elif where.spreadsheet_id is not None and where.spreadsheet_id.strip():
        [made] = await call.read(
            "http_workspace_of", spreadsheet_id=where.spreadsheet_id, user_id=str(call.actor.user_id)
        )
        workspace_id = made["workspace_id"]
    else:
        raise Refused(
            422, "nowhere", "name a workspace by workspace_id or spreadsheet_id", field="parameters.spreadsheet_id"
        )
    if call.actor.visible is not None:
        [seen] = await call.read("http_may_see", workspace_id=workspace_id, user_id=call.actor.user_id)
        if not seen["may_see"]:
            raise absent("workspace")
    return workspace_id
