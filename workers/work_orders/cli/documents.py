"""One document: what is known of it, its PDF, a page with what was read. Known by the id of an order or of a signed
document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from cyclopts import Parameter
from cyclopts.validators import Number

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, pairs, print_json, table, text
from workers.work_orders import adapter
from workers.work_orders.cli.asking import decoded, fetch
from workers.work_orders.rules.decisions import boxes_on

Document = Annotated[UUID, Parameter(name="ID", help="The id of a work order or of a signed document.")]
Output = Annotated[Path, Parameter(name="OUTPUT", help="Where to write it.")]
FIELDS = ("field", "value", "confidence", "page")
RUN = ("source_metadata", "fields", "warnings")


def show(document: Document, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show a work order or a signed document: its state, where it came from, what was read from it."""

    async def look(connection: Connection) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        order = await _order(connection, document)
        if order is None:
            return await _signed(connection, document), []
        sources = await fetch(connection, "http_sources", work_order_id=order["id"])
        return decoded(order, "fields"), [decoded(row, *RUN) for row in sources]

    shown, sources = ask(data_dir, look)
    shown.pop("blob", None)  # where its bytes lie is nobody's business
    if as_json:
        print_json({**shown, "sources": sources} if "revision" in shown else shown)
        return
    plain = {name: value for name, value in shown.items() if not isinstance(value, (dict, list))}
    console().print(pairs((name.replace("_", " "), value) for name, value in plain.items()))
    for each in sources or [shown]:
        _print_run(each)


def _print_run(document: dict[str, Any]) -> None:
    file = document["source_metadata"].get("filename", "the PDF")
    title = f"{file}: {document['outcome'] or 'not read yet'}"
    found = document["fields"] or {}
    console().print(table(title, FIELDS, [_read(name, each) for name, each in found.items()]))
    for warning in document["warnings"] or ():
        console().print(text(warning), soft_wrap=True)


def _read(name: str, found: Any) -> tuple[object, ...]:
    """What a caller has read has no confidence and no page."""
    if not isinstance(found, dict):
        return name, found, None, None
    return name, found.get("value"), found.get("confidence"), found.get("page")


def pdf(document: Document, output: Output, /, *, data_dir: DataDir = None) -> None:
    """Write the original PDF, of an order the newest."""

    async def look(connection: Connection) -> bytes:
        return await adapter.blob_store().get((await _newest(connection, document))["blob"])

    _write(output, ask(data_dir, look))


def boxes(
    document: Document,
    output: Output,
    /,
    *,
    page: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    data_dir: DataDir = None,
) -> None:
    """Write a page of the PDF as an image (PNG), with the fields that were read outlined."""

    async def look(connection: Connection) -> bytes:
        found = await _newest(connection, document)
        outlined = boxes_on(page, found["fields"] or {})
        try:
            return await adapter.draw_page(await adapter.blob_store().get(found["blob"]), page, outlined)
        except adapter.AsideFailed as reason:
            raise RowmillError(f"the page cannot be drawn: {reason}; open the PDF itself") from None

    _write(output, ask(data_dir, look))


def _write(output: Path, data: bytes) -> None:
    try:
        output.write_bytes(data)
    except OSError as error:
        raise RowmillError(f"{output} cannot be written ({error.strerror}); name a file in a folder of yours") from None
    console().print(text(f"written: {output}"), soft_wrap=True)


async def _newest(connection: Connection, document: UUID) -> dict[str, Any]:
    order = await _order(connection, document)
    if order is None:
        return await _signed(connection, document)
    sources = await fetch(connection, "http_sources", work_order_id=order["id"])
    if not sources:
        raise RowmillError("this work order was taken over without a PDF; there is no page to draw")
    return decoded(sources[-1], "fields")


async def _order(connection: Connection, document: UUID) -> Any:
    rows = await fetch(connection, "http_order", id=document, workspaces=None)
    return rows[0] if rows else None


async def _signed(connection: Connection, document: UUID) -> dict[str, Any]:
    rows = await fetch(connection, "http_signed_document", id=document, workspaces=None)
    if not rows:
        raise RowmillError("there is no such document; see `rowmill work-orders preview` and `reviews`")
    return decoded(rows[0], *RUN, "extraction_result")
