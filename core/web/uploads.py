"""A file with parameters: multipart/form-data with a part `file` and a part `parameters`, which is JSON."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from core.web.model import Upload
from core.web.reading import model_of, too_large
from core.web.refusals import Refused, invalid
from core.web.routes import Route

NAME_CHARACTERS: Final = 255


async def uploaded(request: web.Request, route: Route, limit: int) -> tuple[Any, Upload]:
    """The model and the file; together they take `limit` bytes at most."""
    if request.content_type != "multipart/form-data":
        raise Refused(415, "not_multipart", "send multipart/form-data with a part named file", field="Content-Type")
    if (request.content_length or 0) > limit:
        raise too_large(limit)
    parts, names = await _parts(request, limit)
    if "file" not in parts:
        raise invalid("the part named file is missing; send the file in it", "file")
    name = "".join(each for each in names.get("file", "") if each.isprintable())[:NAME_CHARACTERS]
    return model_of(parts.get("parameters") or b"{}", route), Upload(name, parts["file"])


async def _parts(request: web.Request, limit: int) -> tuple[dict[str, bytes], dict[str, str]]:
    parts: dict[str, bytes] = {}
    names: dict[str, str] = {}
    total = 0
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name not in {"file", "parameters"} or part.name in parts:
                raise invalid("there is one part named file and one named parameters; leave others out", "file")
            held = bytearray()
            while chunk := await part.read_chunk():
                held += chunk
                total += len(chunk)
                if total > limit:
                    raise too_large(limit)
            parts[part.name], names[part.name] = bytes(held), part.filename or ""
    except (ValueError, RuntimeError, AssertionError, HttpProcessingError) as error:
        if isinstance(error, Refused):
            raise
        raise invalid("the multipart body cannot be read; send it as browsers and curl -F do") from None
    return parts, names
