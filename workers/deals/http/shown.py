"""Rows as answers: jsonb columns stay the documents that the database wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.web import Document


def row_of(row: Any, *documents: str, without: Sequence[str] = ()) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in without}
    return shown | {name: Document.of(row[name]) for name in documents}
