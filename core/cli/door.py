"""What the commands of a domain may use of the command line: asking the database, and how answers look."""

from __future__ import annotations

from core.cli.asking import ask
from core.cli.database import DataDir, database, tell
from core.cli.showing import Json, age, console, counted, moment, pairs, print_json, progress_bar, table, text
from core.db import catalogs
from core.db.connect import Connection, Slots
from core.db.statements import Catalog
from core.settings import Settings

__all__ = [
    "Connection",
    "DataDir",
    "Json",
    "Settings",
    "Slots",
    "age",
    "ask",
    "console",
    "counted",
    "database",
    "moment",
    "pairs",
    "print_json",
    "progress_bar",
    "statements",
    "table",
    "tell",
    "text",
]


def statements(package: str) -> Catalog:
    """The named statements of a domain."""
    return catalogs.of_package(package)
