"""A part of the demo: one domain's main job. Its module is `demo.<domain>` and has `perform(asked) -> Told`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core import domains
from core.cli.database import scratch_database
from core.errors import RowmillError


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person who started the demo asked for. `run_name` names its folder in `out/`; `server` is the address of
    the server that holds the parts' databases."""

    run_name: str
    server: str
    quiet: bool = False
    keep: bool = False
    sabotage: bool = False

    @contextmanager
    def database(self, *packages: str) -> Iterator[str]:
        """A migrated database of the part's own, dropped at its end."""
        part = packages[0].rpartition(".")[2]
        name = f"demo_{part}_{self.run_name}".replace("-", "_")
        with scratch_database(name, packages, self.server) as dsn:
            yield dsn


@dataclass(frozen=True, slots=True)
class Told:
    """How a part ended: whether all it promised holds, and its figures."""

    holds: bool
    figures: Mapping[str, Any]


Perform = Callable[[Asked], Told]


def parts(names: Sequence[str]) -> dict[str, Perform]:
    """The parts named, or those of all domains that have one. Raises RowmillError for a name without a part."""
    known = [each.name for each in domains.discover() if importlib.util.find_spec(f"demo.{each.name}") is not None]
    for name in names:
        if name not in known:
            raise RowmillError(f"the demo has no part {name!r}; its parts are {', '.join(known)}")
    return {name: importlib.import_module(f"demo.{name}").perform for name in names or known}
