"""What a user may know and change about himself: who he is, his password, his sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from core.db import catalogs
from core.people import logins
from core.people.passwords import LONGEST
from core.people.tokens import Scope
from core.web import auth
from core.web.call import Call
from core.web.model import Model, Nothing
from core.web.routes import route


class Me(Model):
    """The user of this request. `scope` is what this token or session may."""

    id: UUID
    email: str
    first_name: str | None
    last_name: str | None
    role: str
    scope: Scope
    email_verified: bool
    last_login: datetime | None
    workspaces: list[UUID]


class NewPassword(Model):
    """`current` proves that it is you."""

    current: str = Field(max_length=LONGEST)
    new: str = Field(max_length=LONGEST)


class Ended(Model):
    """How many other sessions have ended."""

    sessions_ended: int


@route("GET", "/api/me", scope="read")
async def tell_me(call: Call[Nothing, Nothing]) -> Me:
    """Tell who you are."""
    async with call.connection() as connection:
        (row,) = await catalogs.people()["user.tell"].fetch(connection, user_id=call.actor.user_id)
    return Me(**row, scope=call.actor.scope, workspaces=list(call.actor.workspaces))


@route("PUT", "/api/me/password", scope="read", refuses=(422,))
async def change_password(call: Call[Nothing, NewPassword]) -> Ended:
    """Change the own password. Every other session of yours ends."""
    actor, body = call.actor, call.body
    ended = await call.shell.people.change_password(
        actor.email, body.current, body.new, call.request.remote or "", auth.session_secret(call.request)
    )
    return Ended(sessions_ended=ended)


@route("DELETE", "/api/me/sessions", scope="read")
async def end_sessions(call: Call[Nothing, Nothing]) -> Ended:
    """Log out everywhere else. Tokens are none of its business."""
    own = logins.digest(auth.session_secret(call.request))
    values: dict[str, Any] = {"user_id": call.actor.user_id, "by": call.actor.user_id, "own": own}
    async with call.connection() as connection:
        (done,) = await catalogs.people()["sessions.end"].fetch(connection, **values)
    return Ended(sessions_ended=done["ended"])
