"""Every named statement runs on the migrated database, and what the engine expects of it by its name holds."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterator
from uuid import UUID

import asyncpg
import pytest

from core.db import catalogs
from core.db.checks import check_statements
from core.db.connect import Connection
from core.db.statements import Catalog, Statement
from core.effects import Effect, field_names, writer_name
from core.queue.commit.changes import Author
from core.settings import PROJECT
from tests.running import DOMAINS

CATALOGS = {
    "engine": catalogs.engine(),
    "inspect": catalogs.inspect(),
    "people": catalogs.people(),
    "web": catalogs.web(),
    "operate": catalogs.operate(),
    **{package: catalogs.of_package(package) for package in DOMAINS},
    "demo": Catalog(PROJECT / "demo" / "queries.sql"),
    "demo of work orders": Catalog(PROJECT / "demo" / "work_orders" / "queries.sql"),
    "demo of reports": Catalog(PROJECT / "demo" / "reports" / "queries.sql"),
}
AUTHOR = {field.name for field in dataclasses.fields(Author)}


def effects() -> Iterator[tuple[str, type[Effect]]]:
    for package in DOMAINS:
        for module in (f"{package}.model", f"{package}.effects"):
            try:
                found = vars(importlib.import_module(module)).values()
            except ModuleNotFoundError:
                continue
            for each in found:
                if isinstance(each, type) and issubclass(each, Effect) and each.__module__ == module:
                    yield package, each


EFFECTS = list(effects())


async def columns_of(db: Connection, statement: Statement) -> set[str]:
    return {each.name for each in (await db.prepare(statement.sql)).get_attributes()}


@pytest.mark.parametrize("where", CATALOGS)
async def test_every_statement_of_a_catalog_fits_the_database(db: Connection, where: str) -> None:
    assert len(CATALOGS[where]) > 5
    await check_statements(db, CATALOGS[where])


def written_types(statement: Statement) -> list[set[str]]:
    """The casts of each parameter in the text."""
    found: list[set[str]] = [set() for _ in statement.params]
    for number, kind in re.findall(r"\$(\d+)::([a-z0-9]+(?:\[\])?)", statement.sql):
        found[int(number) - 1].add(kind)
    return found


async def taken_types(db: Connection, statement: Statement) -> list[set[str]]:
    """What PostgreSQL takes for each parameter, as the project writes it."""
    short = {
        "integer": "int",
        "boolean": "bool",
        "double precision": "float8",
        "timestamp with time zone": "timestamptz",
    }
    names = []
    for each in (await db.prepare(statement.sql)).get_parameters():
        full = await db.fetchval("select format_type($1::oid, null)", each.oid)
        plain = full.removesuffix("[]")
        names.append({short.get(plain, plain) + full.removeprefix(plain)})
    return names


@pytest.mark.parametrize("where", CATALOGS)
async def test_every_parameter_says_its_type_and_gets_it(db: Connection, where: str) -> None:
    """A cast in the text is what PostgreSQL takes: no parameter is left to a guess that a later column could change."""
    for name, statement in CATALOGS[where].items():
        assert (name, written_types(statement)) == (name, await taken_types(db, statement))


def test_every_effect_has_a_writer_that_knows_all_its_parameters() -> None:
    for package, effect in EFFECTS:
        catalog, writer = catalogs.of_package(package), writer_name(effect)
        assert writer in catalog
        for name in {writer, f"{writer}.audit", f"{writer}.insert"} & set(catalog):
            own = {each for each in catalog[name].params if not each.startswith("before_")}
            assert own <= set(field_names(effect)) | AUTHOR, name


async def test_every_target_of_an_effect_can_be_locked_with_what_its_audit_needs(db: Connection) -> None:
    for package, effect in EFFECTS:
        if effect.entity is None:
            continue
        catalog = catalogs.of_package(package)
        locked = await columns_of(db, catalog[f"{effect.entity}.lock"])
        assert {"ord", "held", "version", "locker"} <= locked
        audit = f"{writer_name(effect)}.audit"
        needed = [each for each in (catalog[audit].params if audit in catalog else ()) if each.startswith("before_")]
        assert {each.removeprefix("before_") for each in needed} <= locked, effect


@pytest.mark.parametrize("package", DOMAINS)
async def test_every_read_says_which_key_a_row_answers_and_its_version(db: Connection, package: str) -> None:
    reads = [each for each in catalogs.of_package(package).values() if each.sql.startswith("select i.ord")]
    assert any(statement.reads for statement in reads)
    for statement in reads:
        columns = await columns_of(db, statement)
        assert "ord" in columns
        assert statement.reads is None or {"_target", "_version"} <= columns, statement.name
        assert statement.reads is None or f"{statement.reads}.versions" in catalogs.of_package(package)


async def test_a_statement_never_takes_a_value_of_another_type(db: Connection) -> None:
    """What the types above are good for: asyncpg refuses before anything is sent."""
    statement = catalogs.of_package("workers.spreadsheets")["cells.versions"]
    with pytest.raises(asyncpg.DataError):
        await statement.fetch(db, key=[1])
    assert await statement.fetch(db, key=[UUID(int=1)]) == []
