"""The far side of the adapter: reads a document by profiles, draws a page with boxes. Sets its own limit of processor
time for each call; memory and time by the clock are the parent's (core.outside.Aside)."""

from __future__ import annotations

import io
import resource
from typing import Any, Final

import orjson
from PIL import ImageDraw

from workers.work_orders.asides.pages import PAGES, Unreadable, drawn, opened, sheets
from workers.work_orders.model.profiles import Profile
from workers.work_orders.model.reading import Reading
from workers.work_orders.rules.reading import Known, read_document

CPU_S: Final = 15
OUTLINE: Final = (200, 30, 30)


def read(argument: bytes) -> bytes:
    """`{"profiles": [[profile, version]...], "sender"}` and a PDF: what was read from it, as JSON."""
    asked, data = _taken(argument)
    known = [Known(Profile.model_validate(profile), version) for profile, version in asked["profiles"]]
    tables = any(rule.column for each in known for rule in each.profile.fields.values())
    try:
        reading = read_document(sheets(data, tables=tables, recognise=True), known, asked.get("sender"))
    except Unreadable as reason:
        reading = Reading("FAILED", warnings=(str(reason),))
    return orjson.dumps(
        {
            "outcome": reading.outcome,
            "fm_key": reading.fm_key,
            "profile_version": reading.profile_version,
            "fields": {name: found.told() for name, found in reading.fields.items()},
            "warnings": list(reading.warnings),
            "pages": reading.pages,
        }
    )


def draw(argument: bytes) -> bytes:
    """`{"page", "boxes": [[left, top, right, bottom]...]}` and a PDF: a PNG of the page with the boxes outlined."""
    asked, data = _taken(argument)
    document = opened(data)
    if not 1 <= asked["page"] <= min(len(document), PAGES):
        raise Unreadable(f"the PDF has {len(document)} pages; ask for one of them")
    image = drawn(document[asked["page"] - 1]).convert("RGB")
    pencil = ImageDraw.Draw(image)
    for left, top, right, bottom in asked["boxes"]:
        corners = (left * image.width / 100 - 3, top * image.height / 100 - 3)
        pencil.rectangle((*corners, right * image.width / 100 + 3, bottom * image.height / 100 + 3), None, OUTLINE, 3)
    told = io.BytesIO()
    image.save(told, "PNG", optimize=True)
    return told.getvalue()


def _taken(argument: bytes) -> tuple[dict[str, Any], bytes]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_S, hard))
    head, _, data = argument.partition(b"\n")
    return orjson.loads(head), data
