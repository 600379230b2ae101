"""Reads a request into its models. What cannot be read is refused with the field and the reason, never the value."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from typing import Any, Final, TypeVar
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ValidationError

from core.storable import DEPTH_LIMIT, INT8
from core.web.refusals import Refused, invalid
from core.web.routes import Route

Read = TypeVar("Read", bound=BaseModel)
KEY: Final = "Idempotency-Key"
NEVER_STORED: Final = re.compile("[\x00\ud800-\udfff]")
MANY_DIGITS: Final = 400  # of a number; no double and no 64 bit integer needs more


def command_id(request: web.Request) -> UUID:
    """The idempotency key of a POST."""
    given = request.headers.getall(KEY, [])
    if not given:
        raise invalid(
            f"the header {KEY} is missing; send a new UUID with each change, and the same one to repeat it", KEY
        )
    if len(given) > 1 or not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", given[0]):
        raise invalid(f"the header {KEY} must be one UUID, as in 123e4567-e89b-42d3-a456-426614174000", KEY)
    return UUID(given[0])


def asked(request: web.Request, route: Route) -> Any:
    """Path parameters and query."""
    values: dict[str, Any] = dict(request.match_info)
    for name in dict.fromkeys(request.query):
        if name in values:
            raise invalid(f"{name} stands in the path; leave it out of the query", name)
        values[name] = _of_query(name, request.query.getall(name), route)
    for name, value in values.items():
        if any(NEVER_STORED.search(each) for each in ([value] if isinstance(value, str) else value)):
            raise invalid(f"{name} holds a character that cannot be stored (NUL or half of a pair); leave it out", name)
    try:
        return route.asked.model_validate(values, strict=False)
    except ValidationError as error:
        raise _refused(error) from None


def _of_query(name: str, given: list[str], route: Route) -> str | list[str]:
    known = route.asked.model_json_schema()["properties"].get(name, {})
    if known.get("type") == "array":
        return given
    if len(given) > 1:
        raise invalid(f"{name} is given {len(given)} times; give it once", name)
    return given[0]


async def body(request: web.Request, route: Route, limit: int) -> Any:
    """The JSON that was sent, or nothing where the route takes nothing."""
    sent = await _bytes(request, limit)
    if not route.takes_body:
        if sent.strip() not in {b"", b"{}"}:
            raise invalid("this request takes no body; send none")
        return route.body()
    if request.content_type != "application/json":
        raise Refused(
            415, "not_json", "the body must be JSON; send it with Content-Type: application/json", field="Content-Type"
        )
    return model_of(sent, route)


def model_of(sent: bytes, route: Route) -> Any:
    """The route's model of this JSON."""
    document = decoded(sent)
    if not isinstance(document, dict):
        raise invalid("the body must be a JSON object, as in {}")
    try:
        return route.body.model_validate_json(sent, strict=True)
    except ValidationError as error:
        if not _made_whole(document, error):
            raise _refused(error) from None
    try:
        return route.body.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise _refused(error) from None


def _made_whole(document: dict[str, Any], error: ValidationError) -> bool:
    """JSON knows one kind of number: 3.0 is as good as 3 where a whole one is asked for. True = one was changed."""
    changed = False
    for fault in error.errors(include_url=False, include_context=False):
        if fault["type"] == "int_type" and isinstance(fault["input"], float) and fault["input"].is_integer():
            *way, last = fault["loc"]
            holder: Any = document
            with contextlib.suppress(KeyError, IndexError, TypeError):  # a way through alternatives is no way in it
                for part in way:
                    holder = holder[part]
                holder[last] = int(holder[last])
                changed = True
    return changed


async def _bytes(request: web.Request, limit: int) -> bytes:
    if (request.content_length or 0) > limit:
        raise too_large(limit)
    held = bytearray()
    async for chunk in request.content.iter_any():
        held += chunk
        if len(held) > limit:
            raise too_large(limit)
    return bytes(held)


def too_large(limit: int) -> Refused:
    return Refused(413, "too_large", f"the body takes more than {limit:,} bytes; send less at once")


def decoded(sent: bytes) -> Any:
    """JSON as PostgreSQL can store it. Raises Refused naming where it is not."""
    try:
        found = json.loads(
            sent.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_int,
            parse_float=_float,
        )
    except UnicodeDecodeError as error:
        raise invalid(f"the body is not UTF-8 (byte {error.start}); send it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise invalid(
            f"the body is no JSON ({error.msg}, line {error.lineno}, column {error.colno}); correct it"
        ) from None
    except RecursionError:
        raise _too_deep("") from None
    _check(found, "", 0)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        counts = Counter(name for name, _ in pairs)  # not one by one: a body may hold a million
        twice = _shown(next(name for name, count in counts.items() if count > 1))
        raise invalid(f"the key {twice} stands twice in one object; give it once", twice)
    return made


def _constant(written: str) -> Any:
    raise invalid(f"the body holds {written}, which is no JSON; leave it out or send it as text")


def _int(written: str) -> Any:
    if len(written) > MANY_DIGITS:
        raise invalid("the body holds a number of too many digits; send it as text")
    return int(written)


def _float(written: str) -> float:
    found = float(written)
    if len(written) > MANY_DIGITS or found in {float("inf"), float("-inf")}:
        raise invalid("the body holds a number that is too large; send it as text")
    return found


def _check(item: Any, where: str, depth: int) -> None:
    if isinstance(item, str) and NEVER_STORED.search(item):
        raise invalid(
            f"{where or 'the body'} holds a character that cannot be stored (NUL or half of a pair); leave it out",
            where,
        )
    if isinstance(item, int) and item not in INT8:
        told = f"{where} is out of range for a 64 bit integer; send it as text"
        raise Refused(422, "unstorable", told, field=where)
    if isinstance(item, (dict, list)):
        if depth >= DEPTH_LIMIT:
            raise _too_deep(where)
        inside = item.items() if isinstance(item, dict) else enumerate(item)
        for name, each in inside:
            below = f"{where}.{_shown(str(name))}".lstrip(".")
            if NEVER_STORED.search(str(name)):
                raise invalid(f"a key of {where or 'the body'} holds a character that cannot be stored", below)
            _check(each, below, depth + 1)


def _shown(name: str) -> str:
    return NEVER_STORED.sub("\ufffd", name)[:100]


def _too_deep(where: str) -> Refused:
    told = f"{where or 'the body'} is nested deeper than {DEPTH_LIMIT} levels; send it flatter"
    return invalid(told, where or None)


def _refused(error: ValidationError) -> Refused:
    """The first fault, and how many there are."""
    wrong = error.errors(include_input=False, include_url=False, include_context=False)
    field = _shown(".".join(str(part) for part in wrong[0]["loc"]))
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return invalid(f"{field or 'the request'}: {_plain(wrong[0])}{more}; correct it and send it again", field or None)


def _plain(fault: Any) -> str:
    if fault["type"] == "extra_forbidden":
        return "there is no such field"
    told = str(fault["msg"]).removeprefix("Value error, ")
    return told[:1].lower() + told[1:]
