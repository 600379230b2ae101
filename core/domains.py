"""Finds the business domains of this installation: packages with `operators`, `tables`, `queries.sql`, `cli`.

By default every package in `workers/`; the setting `domains` names others (`ROWMILL_DOMAINS=workers.turns,my.domain`).
Nothing in core knows a domain by name.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import RowmillError


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain: `package` as imported, `home` its folder, `name` its Alembic branch."""

    package: str
    home: Path

    @property
    def name(self) -> str:
        return self.package.rpartition(".")[2]

    @property
    def queries(self) -> Path:
        return self.home / "queries.sql"

    @property
    def migrations(self) -> Path:
        """`migrations/<name>` beside the `workers` folder, or the package's own `migrations` elsewhere."""
        own = self.home / "migrations"
        return own if own.exists() else self.home.parent.parent / "migrations" / self.name


def discover(named: Sequence[str] = ()) -> list[Domain]:
    """The domains named, or all packages of `workers`."""
    if not named:
        home = importlib.import_module("workers").__path__
        named = [f"workers.{found.name}" for found in pkgutil.iter_modules(home) if found.ispkg]
    return [_domain(package) for package in named]


def _domain(package: str) -> Domain:
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise RowmillError(f"there is no domain package {package!r}; check the setting ROWMILL_DOMAINS")
    return Domain(package, Path(spec.origin).parent)


def load(domains: Sequence[Domain], room: str) -> None:
    """Imports one room (`operators`, `tables`) of each domain that has it."""
    for domain in domains:
        name = f"{domain.package}.{room}"
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
