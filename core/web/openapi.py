"""The description of the API, made from the same table that serves it: OpenAPI 3.1 at /openapi.json."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web
from pydantic import Field
from pydantic.json_schema import models_json_schema

from core.web.model import Model, to_json
from core.web.reading import KEY
from core.web.routes import Route, routes
from core.web.state import SHELL

REFERENCE: Final = "#/components/schemas/{model}"
EVERYWHERE: Final = (400, 401, 403, 421, 429, 431, 500, 503, 504)
WITH_BODY: Final = (413, 415)
WORDS: Final = {
    400: "The request cannot be read; the field is named.",
    401: "No valid token.",
    403: "The token's scope does not allow this.",
    404: "There is no such thing, or it is not this user's to see.",
    409: "It is in another state, has changed since it was read, or the idempotency key was used for something else.",
    413: "Too large.",
    415: "Not JSON, or no multipart where a file is asked for.",
    421: "This server does not answer to that name.",
    422: "It can be read and cannot be done.",
    429: "Too many requests; Retry-After says when.",
    431: "The headers are too large.",
    500: "A surprise; its number stands in the log.",
    503: "The database or the server is busy; try again.",
    504: "No answer in time.",
}


class Fault(Model):
    """What went wrong."""

    code: str = Field(description="For machines.")
    message: str = Field(description="One sentence that ends in the next step.")
    field: str | None = Field(None, description="Where the fault lies.")
    details: dict[str, Any] | None = None


class Error(Model):
    """Every answer that is no success."""

    error: Fault


async def description(request: web.Request) -> web.Response:
    """GET /openapi.json."""
    return web.Response(body=to_json(document(routes(request.app[SHELL].packages))), content_type="application/json")


def document(known: Sequence[Route]) -> dict[str, Any]:
    """The whole description."""
    told = [each for each in known if each.kind != "socket"]
    paths: dict[str, dict[str, Any]] = {}
    schemas = _schemas(told)
    for each in told:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rowmill",
            "version": "0.1.0",
            "description": "Tasks, operators, workers, and what the domains add.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(told: Sequence[Route]) -> dict[str, Any]:
    sent = {each.body for each in told if each.takes_body}
    returned = {each.answer for each in told if each.kind == "json"} | {Error}
    models: list[tuple[Any, Any]] = [
        *((each, "validation") for each in sent),
        *((each, "serialization") for each in returned),
    ]
    _, schema = models_json_schema(sorted(models, key=lambda each: each[0].__name__), ref_template=REFERENCE)
    made: dict[str, Any] = schema["$defs"]
    return made


def _operation(each: Route) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{each.method.lower()}{each.path}").strip("_"),
        "summary": each.summary,
        "description": f"Scope: {each.scope}.",
        "tags": [each.package.rpartition(".")[2] if each.package != "core.web" else "engine"],
        "parameters": _parameters(each),
        "responses": _responses(each),
    }
    if each.takes_body:
        made["requestBody"] = {"required": True, "content": _content(each)}
    return made


def _content(each: Route) -> dict[str, Any]:
    if not each.upload:
        return {"application/json": {"schema": _reference(each.body)}}
    file = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}
    schema = {
        "type": "object",
        "properties": {"file": file, "parameters": _reference(each.body)},
        "required": ["file", "parameters"],
        "additionalProperties": False,
    }
    return {"multipart/form-data": {"schema": schema, "encoding": {"parameters": {"contentType": "application/json"}}}}


def _parameters(each: Route) -> list[dict[str, Any]]:
    schema = each.asked.model_json_schema()
    required = set(schema.get("required", ()))
    made = [
        {
            "name": name,
            "in": "path" if name in each.in_path else "query",
            "required": name in required or name in each.in_path,
            "schema": _inlined(one, schema.get("$defs", {})),
        }
        for name, one in schema.get("properties", {}).items()
    ]
    if each.method == "POST":
        words = "A new UUID with each change; the same one again gives the same answer and changes nothing."
        made.append(
            {
                "name": KEY,
                "in": "header",
                "required": True,
                "description": words,
                "schema": {"type": "string", "format": "uuid"},
            }
        )
    return made


def _inlined(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A parameter cannot be null: what may be absent is just not sent."""
    found = schema
    if "$ref" in found:
        found = {**definitions[found["$ref"].rpartition("/")[2]], **{k: v for k, v in found.items() if k != "$ref"}}
    kinds = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
    if len(kinds) == 1:
        found = {**{k: v for k, v in found.items() if k not in {"anyOf", "default"}}, **kinds[0]}
    return found


def _responses(each: Route) -> dict[str, Any]:
    if each.kind == "file":
        content: dict[str, Any] = {each.media: {"schema": {"type": "string"}}}
    else:
        content = {"application/json": {"schema": _reference(each.answer)}}
    made: dict[str, Any] = {str(each.status): {"description": "Done.", "content": content}}
    also = (
        *EVERYWHERE,
        *(WITH_BODY if each.method != "GET" else ()),
        *((409, 422) if each.method == "POST" else ()),
        *each.refuses,
    )
    for status in sorted(set(also)):
        made[str(status)] = {
            "description": WORDS.get(status, "Refused."),
            "content": {"application/json": {"schema": _reference(Error)}},
        }
    return made


def _reference(model: Any) -> dict[str, Any]:
    return {"$ref": REFERENCE.format(model=model.__name__)}
