"""What the commands of a domain may use of the command line: asking the database, and how answers look."""

from __future__ import annotations

from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.showing import Json, age, console, counted, moment, pairs, print_json, progress_bar, table, text
from core.db import catalogs
from core.db.connect import Connection
from core.db.statements import Catalog
from core.settings import Settings, environment

__all__ = [
    "Connection",
    "DataDir",
    "Json",
    "age",
    "ask",
    "console",
    "counted",
    "database_url",
    "environment",
    "moment",
    "pairs",
    "print_json",
    "progress_bar",
    "statements",
    "table",
    "text",
]


def database_url() -> str | None:
    """The address that is set; None = the embedded server. Read anew: a command may choose the environment."""
    return Settings().database_url


def statements(package: str) -> Catalog:
    """The named statements of a domain."""
    return catalogs.of_package(package)
