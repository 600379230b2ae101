"""From the bytes of a JSON answer to what paths find in it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import orjson
from jsonpath_ng.jsonpath import JSONPath
from jsonpath_ng.parser import parse

MOST: Final = 1000  # values of one path
MAX_ANSWER: Final = 1_000_000  # bytes of all values together


def found(argument: bytes) -> bytes:
    """`argument` is a line of JSON (a list of paths), then the answer. A list: what each path has found: null, one
    value, or several. Raises ValueError where the answer is no JSON."""
    paths, _, body = argument.partition(b"\n")
    document = orjson.loads(body)
    values = [_found(path, document) for path in orjson.loads(paths)]
    told = orjson.dumps(values)
    if len(told) > MAX_ANSWER:
        raise ValueError(f"the paths find more than {MAX_ANSWER:,} bytes; make them narrower")
    return told


def _found(path: str, document: Any) -> Any:
    values = [each.value for each in _parsed(path).find(document)][:MOST]
    if len(values) > 1:
        return values
    return values[0] if values else None


@lru_cache(maxsize=256)
def _parsed(path: str) -> JSONPath:
    return parse(path)
