"""Looking at work orders, answering questions about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, counted, moment, print_json, table, text
from workers.work_orders import adapter
from workers.work_orders.cli.asking import AnyWorkspace, User, author, fetch, found_workspace

PREVIEWED = 20
ORDERS = ("id", "number", "facility manager", "status", "customer", "due", "source", "signed", "export", "received")
REVIEWS = ("id", "kind", "work order", "signed document", "details")
WORDS = {"accept": "accepted", "keep": "kept", "dismiss": "dismissed"}


def preview(*, workspace: AnyWorkspace = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show the newest 20 work orders with their source, signed document and export."""

    async def look(connection: Connection) -> tuple[list[Any], dict[str, int]]:
        seen = {"workspaces": None, "workspace_id": await found_workspace(connection, workspace)}
        rows = await fetch(connection, "http_orders", **seen, most=PREVIEWED)
        counts = await fetch(connection, "http_export_counts", **seen)
        return rows, {row["status"]: row["jobs"] for row in counts}

    rows, counts = ask(data_dir, look)
    if as_json:
        print_json({"work_orders": [dict(row) for row in rows], "exports": counts})
        return
    shown = [
        (
            *(row["id"], row["work_order_number"], row["fm_key"], row["status"], row["customer_name"], row["due_on"]),
            *(row["source_type"], "yes" if row["signed_document_id"] else "", row["export_status"]),
            moment(row["created_at"]),
        )
        for row in rows
    ]
    console().print(table(counted(len(rows), "work order"), ORDERS, shown, whole=("id",)))
    told = ", ".join(f"{jobs:,} {status}" for status, jobs in sorted(counts.items()))
    console().print(f"exports: {told or 'none'}")


def reviews(*, workspace: AnyWorkspace = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List open questions: fields that differ, missing numbers, signed documents without one order."""

    async def look(connection: Connection) -> list[Any]:
        workspace_id = await found_workspace(connection, workspace)
        return await fetch(connection, "http_reviews", workspaces=None, workspace_id=workspace_id, after=None, most=200)

    rows = ask(data_dir, look)
    if as_json:
        print_json({"reviews": [{**dict(row), "details": json.loads(row["details"])} for row in rows]})
        return
    names = ("id", "kind", "work_order_number", "signed_document_id", "details")
    shown = [tuple(row[name] for name in names) for row in rows]
    console().print(table(counted(len(rows), "open question"), REVIEWS, shown, whole=("id",)))


def resolve(
    review: Annotated[UUID, Parameter(name="REVIEW", help="The id of the question.")],
    decision: Annotated[Literal["accept", "keep", "dismiss"], Parameter(name="DECISION")],
    /,
    *fields: Annotated[str, Parameter(name="FIELD=VALUE", help="Your own values, with accept.")],
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Answer a question: accept what was read, keep what is there, or dismiss it."""
    given = dict(each.split("=", 1) for each in fields if "=" in each)
    if len(given) < len(fields):
        raise RowmillError("a field is written as name=value, for example due_on=2026-01-31; correct it")

    async def write(connection: Connection) -> None:
        await _act(
            connection,
            "http_resolve",
            review_id=review,
            decision=WORDS[decision],
            fields=json.dumps(given),
            author=await author(connection, user),
        )

    ask(data_dir, write)
    _done(f"the question is {WORDS[decision]}", {"id": review, "resolution": WORDS[decision]}, as_json=as_json)


def match(
    signed: Annotated[UUID, Parameter(name="SIGNED", help="The id of a signed document.")],
    order: Annotated[UUID, Parameter(name="ORDER", help="The id of its work order.")],
    /,
    *,
    replace: Annotated[bool, Parameter(help="Take the place of the document that the order has.")] = False,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Say which work order a signed document belongs to."""

    async def write(connection: Connection) -> None:
        given = {"signed_document_id": signed, "work_order_id": order, "replace": replace}
        await _act(connection, "http_rematch", **given, author=await author(connection, user))

    ask(data_dir, write)
    _done("they are matched", {"signed_document_id": signed, "work_order_id": order}, as_json=as_json)


def boxes(
    order: Annotated[UUID, Parameter(name="ORDER", help="The id of a work order.")],
    output: Annotated[Path, Parameter(name="OUTPUT", help="Where to write the image, a PNG.")],
    /,
    *,
    page: int = 1,
    data_dir: DataDir = None,
) -> None:
    """Write a page of an order's newest PDF as an image, with the fields that were read outlined."""

    async def look(connection: Connection) -> bytes:
        rows = await fetch(connection, "http_order", id=order, workspaces=None)
        if not rows:
            raise RowmillError("there is no such work order; see `rowmill work-orders preview`")
        source = (await fetch(connection, "http_sources", work_order_id=rows[0]["id"]))[-1]
        fields = json.loads(source["fields"] or "{}").values()
        found = [each for each in fields if isinstance(each, dict) and each.get("page") == page]
        data = await adapter.blob_store().get(source["blob"])
        try:
            return await adapter.draw_page(data, page, [each["box"] for each in found if "box" in each])
        except adapter.AsideFailed as reason:
            raise RowmillError(f"the page cannot be drawn: {reason}; open the PDF itself") from None

    output.write_bytes(ask(data_dir, look))
    console().print(text(f"written: {output}"), soft_wrap=True)


async def _act(connection: Connection, name: str, **given: Any) -> None:
    """A refusal of the functions is a sentence already."""
    try:
        await fetch(connection, name, **given)
    except asyncpg.PostgresError as error:
        if not (error.sqlstate or "").startswith("RM"):
            raise
        raise RowmillError(str(error)) from None


def _done(sentence: str, told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        console().print(sentence)
