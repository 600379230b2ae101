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
    return Catalog(QUERIES / "commit.sql", QUERIES / "worker.sql", QUERIES / "schedule.sql")


@cache
def inspect() -> Catalog:
    """What the command line asks; workers never load it."""
    return Catalog(QUERIES / "inspect.sql")


@cache
def people() -> Catalog:
    """Users, tokens and sessions."""
    return Catalog(QUERIES / "people.sql")


@cache
def web() -> Catalog:
    """What the HTTP API asks and changes by itself; domains have their own."""
    return Catalog(QUERIES / "web.sql")


@cache
def operate() -> Catalog:
    """What keeps an installation healthy: restores, the health of the server, what `rowmill top` shows."""
    return Catalog(QUERIES / "operate.sql")


@cache
def migration() -> Catalog:
    """What a migrator asks."""
    return Catalog(QUERIES / "migration.sql")


@cache
def of_package(package: str) -> Catalog:
    """A domain's named reads, locks and writers, in the order of its `queries.sql` and the files of its folder
    `queries`; then the engine's."""
    home = Path(importlib.import_module(package).__path__[0])
    files = [*home.glob("queries.sql"), *sorted(home.glob("queries/*.sql"))]
    return Catalog(*files, QUERIES / "commit.sql")
