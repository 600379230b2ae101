"""The statements of the engine and of each domain, read once per process."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from core.db.statements import Catalog
from core.settings import PROJECT

QUERIES = PROJECT / "sql" / "queries"


@cache
def engine() -> Catalog:
    """The engine's own statements."""
    return Catalog(QUERIES / "commit.sql", QUERIES / "worker.sql")


@cache
def inspect() -> Catalog:
    """What the command line asks; workers never load it."""
    return Catalog(QUERIES / "inspect.sql")


@cache
def of_package(package: str) -> Catalog:
    """A domain's named reads, locks and writers, in the order of its `queries.sql`; then the engine's."""
    module = importlib.import_module(package)
    file = Path(module.__path__[0]) / "queries.sql"
    files = [file] if file.exists() else []
    return Catalog(*files, QUERIES / "commit.sql")
