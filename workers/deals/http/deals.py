"""Deals and spaces: list by needs, make, read as a whole, change, delete."""

from __future__ import annotations

from core.web import Call, Nothing, route
from workers.deals.entries import columns_of
from workers.deals.http.models import (
    AskedDeals,
    AskedSpaces,
    ById,
    Changed,
    Deal,
    DealChange,
    DealEntry,
    DealList,
    ListedDeal,
    ListedSpace,
    Made,
    Space,
    SpaceChange,
    SpaceEntry,
    SpaceList,
    SpaceOfDeal,
    Versioned,
)
from workers.deals.http.shown import row_of
from workers.deals.http.told import acted, looked
from workers.deals.rules import commands


@route("GET", "/api/deals", scope="read")
async def list_deals(call: Call[AskedDeals, Nothing]) -> DealList:
    """Deals, newest first; `needs` names flags of their requirements that must be true."""
    asked = call.asked
    rows = await call.read(
        "list_deals",
        visible=call.actor.visible,
        needs=commands.flags(asked.needs),
        stage=asked.stage,
        before=asked.before,
        most=asked.limit + 1,
    )
    shown = [ListedDeal(**row_of(row, "requirements")) for row in rows[: asked.limit]]
    return DealList(deals=shown, more=len(rows) > asked.limit)


@route("POST", "/api/deals", scope="operate", status=201, refuses=(404,))
async def add_deal(call: Call[Nothing, DealEntry]) -> Made:
    """Makes a deal in the default workspace or in one of your own."""
    columns = columns_of(call.body, "workspace_id")
    answer = await acted(call, "deals.add_deal", lambda desk: desk.add_deal(columns, call.body.workspace_id))
    return Made(id=int(next(iter(answer.versions["deals"]))))


@route("GET", "/api/deals/{id}", scope="read", refuses=(404,))
async def read_deal(call: Call[ById, Nothing]) -> Deal:
    """A deal with its thread, its spaces and its drafts."""
    row = await looked(call, lambda desk: desk.deal(call.asked.id))
    return Deal(**row_of(row, "requirements", "thread", "spaces", "drafts", without=("deleted_at",)))


@route("POST", "/api/deals/{id}", scope="operate", refuses=(404, 409))
async def change_deal(call: Call[ById, DealChange]) -> Changed:
    """Changes what is named."""
    deal_id, columns = call.asked.id, columns_of(call.body, "version")
    answer = await acted(call, "deals.change_deal", lambda desk: desk.change_deal(deal_id, call.body.version, columns))
    return Changed(id=deal_id, version=answer.version(("deals", deal_id)))


@route("POST", "/api/deals/{id}/delete", scope="operate", refuses=(404, 409))
async def delete_deal(call: Call[ById, Versioned]) -> Changed:
    """Takes a deal out of the lists. Its mails and drafts stay in the tables."""
    deal_id = call.asked.id
    answer = await acted(
        call, "deals.change_deal", lambda desk: desk.change_deal(deal_id, call.body.version, {}, deleted=True)
    )
    return Changed(id=deal_id, version=answer.version(("deals", deal_id)))


@route("POST", "/api/deals/{id}/spaces", scope="operate", refuses=(404, 409))
async def place_space(call: Call[ById, SpaceOfDeal]) -> Made:
    """Says how far a space has come in a deal."""
    body = call.body
    await acted(call, "deals.place_space", lambda desk: desk.place_space(call.asked.id, body.space_id, body.status))
    return Made(id=body.space_id)


@route("GET", "/api/spaces", scope="read", refuses=(404,))
async def find_spaces(call: Call[AskedSpaces, Nothing]) -> SpaceList:
    """Spaces by amenities, or those that fit a deal: its needs, its budget, its place. The cheapest first."""
    asked = call.asked
    rows = await looked(call, lambda desk: desk.fitting(asked.deal, asked.has, asked.limit))
    return SpaceList(spaces=[ListedSpace(**row_of(row, "amenities", "availability")) for row in rows])


@route("POST", "/api/spaces", scope="operate", status=201, refuses=(404,))
async def add_space(call: Call[Nothing, SpaceEntry]) -> Made:
    """Makes a space in the default workspace or in one of your own."""
    columns = columns_of(call.body, "workspace_id")
    answer = await acted(call, "deals.add_space", lambda desk: desk.add_space(columns, call.body.workspace_id))
    return Made(id=int(next(iter(answer.versions["spaces"]))))


@route("GET", "/api/spaces/{id}", scope="read", refuses=(404,))
async def read_space(call: Call[ById, Nothing]) -> Space:
    """A space with all that replies may say about it."""
    row = await looked(call, lambda desk: desk.space(call.asked.id))
    return Space(**row_of(row, "amenities", "availability", "detailed_amenities"))


@route("POST", "/api/spaces/{id}", scope="operate", refuses=(404, 409))
async def change_space(call: Call[ById, SpaceChange]) -> Changed:
    """Changes what is named."""
    space_id, columns = call.asked.id, columns_of(call.body, "version")
    answer = await acted(
        call, "deals.change_space", lambda desk: desk.change_space(space_id, call.body.version, columns)
    )
    return Changed(id=space_id, version=answer.version(("spaces", space_id)))
