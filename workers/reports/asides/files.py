"""From the bytes of a file to what it holds."""

from __future__ import annotations

import codecs
from typing import Final

import orjson
from charset_normalizer import from_bytes

from workers.reports.model.parsed import About, Parsed, Problem
from workers.reports.rules.files import parsed

BINARY: Final = 0.02  # share of control characters above which a file is not text
SURROUNDINGS: Final = 1 << 16  # bytes around the first one that is not UTF-8: a guess needs no more
NOT_TEXT: Final = "the file is no text; export it as Markdown, plain text, VTT or SRT"
REPLACED: Final = "bytes from line {} on are no {}; they are shown as \ufffd"

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLD: Final = ["cp1252", "cp1251", "cp1253", "cp1254", "shift_jis", "gb18030", "big5", "euc_kr"]
_CONTROL: Final = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"


def read(argument: bytes) -> bytes:
    """`argument` is a line of JSON (About), then the file. The answer is JSON (Parsed)."""
    told, _, body = argument.partition(b"\n")
    about = About.model_validate_json(told)
    found = decoded(body)
    if found is None:
        return _written(Parsed(kind=about.kind, encoding="binary", problems=(Problem(line=None, reason=NOT_TEXT),)))
    text, encoding, broken_line = found
    made = parsed(text, about, encoding)
    if broken_line is not None:
        note = Problem(line=broken_line, reason=REPLACED.format(broken_line, encoding), is_note=True)
        made = made.model_copy(update={"problems": (*made.problems, note)})
    return _written(made)


def _written(made: Parsed) -> bytes:
    return orjson.dumps(made.model_dump(mode="json"))


def decoded(body: bytes) -> tuple[str, str, int | None] | None:
    """The text, its encoding, and the first line with bytes that do not belong to it; None for what is no text."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return _decoded(body, name)
    if wide := _wide(body[:SURROUNDINGS]):
        return _decoded(body, wide)
    sample = body[:SURROUNDINGS]
    if sample and len(sample.translate(None, _CONTROL)) < len(sample) * (1 - BINARY):
        return None
    try:
        return body.decode("utf-8"), "utf-8", None
    except UnicodeDecodeError as place:
        around = body[max(0, place.start - SURROUNDINGS) : place.start + SURROUNDINGS]
        if _mostly_utf8(around):
            return _decoded(body, "utf-8")
        return _decoded(body, _guessed(around))


def _decoded(body: bytes, name: str) -> tuple[str, str, int | None]:
    try:
        return body.decode(name), name, None
    except UnicodeDecodeError as place:
        start = len(body[: place.start].decode(name, "replace").splitlines()) or 1
        return body.decode(name, "replace"), name, start


def _wide(sample: bytes) -> str | None:
    """UTF-16 of western text without its mark has NUL in nearly every other place, and in no other."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > len(sample) * 0.3 and not even:
        return "utf-16-le"
    return "utf-16-be" if even > len(sample) * 0.3 and not odd else None


def _mostly_utf8(around: bytes) -> bool:
    """Broken UTF-8 rather than another encoding: far more letters of several bytes are whole than broken."""
    text = around.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = sum(1 for letter in text if ord(letter) > 127) - broken  # noqa: PLR2004 - beyond ASCII
    return whole > 2 * broken


def _guessed(around: bytes) -> str:
    """The likeliest of the encodings before Unicode; western Windows unless another one fits better."""
    matches = from_bytes(around, cp_isolation=_OLD)
    best = matches.best()
    western = next((match for match in matches if "cp1252" in match.could_be_from_charset), None)
    if best is None or (western is not None and western.chaos <= best.chaos and western.coherence >= best.coherence):
        return "cp1252"
    return best.encoding
