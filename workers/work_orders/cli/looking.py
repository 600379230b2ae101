"""The newest work orders, the open questions, and a person's answers."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, moment, print_json
from workers.work_orders.cli.asking import AnyWorkspace, User, author, decoded, fetch, found_workspace, print_list
from workers.work_orders.rules.decisions import question

PREVIEWED = 20
NO_ORDER = "No work order yet; `rowmill work-orders ingest FILE --workspace SPREADSHEET` brings PDFs in."
ORDERS = ("id", "number", "facility manager", "status", "customer", "due", "source", "signed", "export", "received")
REVIEWS = ("id", "kind", "work order", "order or signed document", "what to decide")
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
        print_json({"work_orders": [decoded(row, "source_metadata") for row in rows], "exports": counts})
        return
    shown = [
        (
            *(row["id"], row["work_order_number"], row["fm_key"], row["status"], row["customer_name"], row["due_on"]),
            *(row["source_type"], "yes" if row["signed_document_id"] else "", row["export_status"]),
            moment(row["created_at"]),
        )
        for row in rows
    ]
    print_list("work order", ORDERS, shown, NO_ORDER, "id")
    told = ", ".join(f"{jobs:,} {status}" for status, jobs in sorted(counts.items()))
    console().print(f"exports: {told or 'none'}")


def reviews(*, workspace: AnyWorkspace = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List open questions: fields that differ, missing numbers, signed documents without one order."""

    async def look(connection: Connection) -> list[Any]:
        workspace_id = await found_workspace(connection, workspace)
        return await fetch(connection, "http_reviews", workspaces=None, workspace_id=workspace_id, after=None, most=200)

    rows = ask(data_dir, look)
    if as_json:
        print_json({"reviews": [decoded(row, "details") for row in rows]})
        return
    shown = [
        (
            *(row["id"], row["kind"], row["work_order_number"], row["signed_document_id"] or row["work_order_id"]),
            question(row["kind"], json.loads(row["details"])),
        )
        for row in rows
    ]
    print_list("open question", REVIEWS, shown, "No open question.", "id")


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
