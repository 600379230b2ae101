"""POST /api/write/{table}: what devices have changed, one operation or a batch of them."""

from __future__ import annotations

from typing import Any, Final

import orjson

from core import RowmillError
from core.web import Refused, StreamResponse, Visit, decoded, protocol
from workers.turns.http.shape import Desk, desk
from workers.turns.http.writing import Batch
from workers.turns.rules.operations import TABLES, Unreadable, of_body
from workers.turns.shapes import layouts
from workers.turns.shapes.answers import Answer, told
from workers.turns.shapes.database import TROUBLE
from workers.turns.shapes.speaking import preflight, sent

BODY_BYTES: Final = 2_000_000
STATUS: Final = {"applied": 200, "conflict": 409, "refused": 422}


@protocol("/api/write/{table}", "POST", "OPTIONS")
async def write(visit: Visit) -> StreamResponse:
    """Applies operations. An object is answered by its status, a list by a list."""
    if visit.request.method == "OPTIONS":
        return preflight(visit.request)
    own = visit.service(desk)
    try:
        answer = await _written(visit, own)
    except Refused as error:
        again = {} if error.retry_after_s is None else {"retry-after": str(max(1, round(error.retry_after_s)))}
        answer = told(error.status, {"message": str(error), **error.document()}, **again)
    except Unreadable as error:
        answer = told(400, {"message": str(error)})
    except (RowmillError, *TROUBLE):
        answer = told(503, {"message": "the database does not answer right now; try again"}, **{"retry-after": "1"})
    return sent(visit.request, answer)


async def _written(visit: Visit, own: Desk) -> Answer:
    person = await own.person(await visit.let_in("operate"))
    table = visit.request.match_info["table"]
    if table not in TABLES:
        return told(404, {"message": f"nothing is written to {table!r}; there are {', '.join(TABLES)}"})
    operations, is_single = of_body(await _body(visit), table, visit.request.headers.get("Idempotency-Key"))
    source = own.shapes.source
    layout = await layouts.read(source, "public", table)
    if layout is None:
        return told(503, {"message": "the tables of turns are not there; run `rowmill migrate`"})
    async with source.printing() as connection:
        answers = await Batch(source, layout, person, connection).apply(operations)
    await own.shapes.tail.read_head()  # whoever is live here hears of it now
    if not is_single:
        return Answer(200, orjson.dumps(answers), {"cache-control": "no-store"})
    return Answer(_status(answers[0]), orjson.dumps(answers[0]), {"cache-control": "no-store"})


def _status(answer: dict[str, Any]) -> int:
    """A conflict with a row that is gone is 404."""
    if answer["status"] == "conflict" and answer["row"] is None:
        return 404
    if answer["status"] == "refused" and answer["code"] in {"role", "not_yours", "column"}:
        return 403
    return STATUS[answer["status"]]


async def _body(visit: Visit) -> object:
    if (visit.request.content_length or 0) > BODY_BYTES:
        raise Refused(413, "too_large", f"the body takes more than {BODY_BYTES:,} bytes; send fewer operations")
    return decoded(await visit.request.read())
