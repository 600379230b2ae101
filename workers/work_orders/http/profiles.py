"""Profiles of facility managers: data that is checked before it is stored, and never changed afterwards."""

from __future__ import annotations

from uuid import uuid5

from pydantic import ValidationError

from core.web import Call, Document, Nothing, Refused, route
from workers.work_orders.http.answers import Done, Profiles, StoredProfile
from workers.work_orders.http.models import AskedWorkspace, NewProfile
from workers.work_orders.model import Profile, SaveProfile


@route("GET", "/api/work-orders/profiles", scope="read")
async def list_profiles(call: Call[AskedWorkspace, Nothing]) -> Profiles:
    """All versions of the profiles, the newest of each first; the newest is the one in use."""
    rows = await call.read("http_profiles", workspaces=call.actor.visible, workspace_id=call.asked.workspace_id)
    return Profiles(profiles=[StoredProfile(**{**dict(row), "profile": Document(row["profile"])}) for row in rows])


@route("POST", "/api/work-orders/profiles", scope="operate", status=201, refuses=(404,))
async def save_profile(call: Call[Nothing, NewProfile]) -> Done:
    """Stores a profile as the next version of its facility manager's."""
    call.need_workspace(call.body.workspace_id, "workspace")
    try:
        profile = Profile.model_validate(call.body.profile)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(("profile", *(str(part) for part in fault["loc"])))
        raise Refused(422, "profile", f"{where}: {fault['msg']}; correct it and send it again", field=where) from None
    made = uuid5(call.command_id, "profile")
    effect = SaveProfile(made, call.body.workspace_id, profile.fm_key, call.body.profile)
    await call.apply("work_orders.save_profile", [effect], workspace_id=call.body.workspace_id)
    return Done(id=made)
