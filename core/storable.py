"""Makes values fit PostgreSQL's text, jsonb and integer types before they reach a batch.

NUL and lone surrogates have no place in PostgreSQL's text; they become U+FFFD, visibly. Numbers out of range and
values nested too deep are refused by name, because there is no honest replacement for them.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any, Final

REPLACEMENT: Final = "\ufffd"
ERROR_LIMIT: Final = 2000  # characters of an error message that are kept
DEPTH_LIMIT: Final = 100
INT8: Final = range(-(2**63), 2**63)
_SMALL: Final = 2**62

_SECRET = re.compile(
    r"(://[^:/@\s]*:)\S+(@)"  # up to the last at sign: passwords hold at signs and slashes
    r"|((?:password|passwd|secret|token|api_?key)[\"']?\s*[=:]\s*|\b(?:bearer|authorization:\s*basic)\s+)(?:\"[^\"]*\"|'[^']*'|\S+)",
    re.IGNORECASE,
)
_NEVER_STORED = re.compile("[\x00\ud800-\udfff]")
_VARIABLE = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|'[^']*'|\"[^\"]*\"|\d+", re.IGNORECASE)


class Unstorable(ValueError):
    """The value cannot be written to PostgreSQL; the message names where it stands."""


def text(value: str) -> str:
    """The same text without NUL and lone surrogates."""
    if value.isascii() and "\x00" not in value:
        return value
    return _NEVER_STORED.sub(REPLACEMENT, value)


def is_plain(item: Any) -> bool:
    """Whether it can be stored as it is, by a look that costs next to nothing: what is not plain may be, too."""
    kind = type(item)
    if kind is str:
        return item.isascii() and "\x00" not in item
    return item is None or kind is bool or (kind is int and -_SMALL < item < _SMALL)


def value(item: Any, where: str, depth: int = 0) -> Any:
    """A storable copy of a JSON-like value; scalars of other types pass through untouched.

    Raises Unstorable for integers beyond 64 bits, NaN or infinity inside documents, and nesting beyond DEPTH_LIMIT.
    """
    if isinstance(item, str):
        return text(item)
    if isinstance(item, bool) or item is None:
        return item
    if isinstance(item, int):
        return _int8(item, where)
    if isinstance(item, float) and depth and (item != item or item in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN
        raise Unstorable(f"{where} is {item}, which JSON cannot hold")
    if isinstance(item, (dict, list, tuple)):
        return _document(item, where, depth)
    return item


def _int8(item: int, where: str) -> int:
    if item not in INT8:
        raise Unstorable(f"{where} is out of range for a 64 bit integer")
    return item


def _document(item: dict[Any, Any] | list[Any] | tuple[Any, ...], where: str, depth: int) -> Any:
    if depth >= DEPTH_LIMIT:
        raise Unstorable(f"{where} is nested deeper than {DEPTH_LIMIT} levels")
    if isinstance(item, dict):
        return {text(str(k)): value(v, f"{where}.{k}", depth + 1) for k, v in item.items()}
    return [value(v, f"{where}[{i}]", depth + 1) for i, v in enumerate(item)]


@lru_cache(maxsize=64)  # a flood of bad tasks fails with few sentences
def error_text(message: str) -> str:
    """An error message as it is stored and logged: storable, bounded, without passwords or tokens."""
    shown = _SECRET.sub(lambda m: f"{m[1] or m[3] or ''}***{m[2] or ''}", text(message))
    return shown if len(shown) <= ERROR_LIMIT else shown[: ERROR_LIMIT - 1] + "…"


@lru_cache(maxsize=64)
def fingerprint(message: str) -> str:
    """Groups errors that differ only in numbers, ids and quoted values."""
    return hashlib.sha256(_VARIABLE.sub("?", message).encode("utf-8", "replace")).hexdigest()[:12]
