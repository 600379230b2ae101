"""Swaps a naive variant of a client's statement into one test."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.db.statements import Catalog, parse


def swap_statements(monkeypatch: pytest.MonkeyPatch, catalog: Catalog, name: str) -> None:
    """The statements of `tests/witnesses/<name>.sql` stand for those of the same name until the test ends."""
    text = (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
    for statement in parse(text):
        monkeypatch.setitem(catalog._statements, statement.name, statement)
