"""`python -m benchmarks.turns`: prints the figures of the turns domain on this machine."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from benchmarks.turns import convergence, speed
from benchmarks.turns.ground import Figures
from core.cli import run
from core.settings import PROJECT

app = cyclopts.App(name="benchmarks.turns", help=__doc__)
ALL = ("convergence", "latency", "initial", "live")


@app.default
def figures(
    *which: Annotated[str, Parameter(help="Only these: convergence, latency, initial, live.")],
    clients: Annotated[int, Parameter(help="Devices that edit offline.")] = 16,
    operations: Annotated[int, Parameter(help="Their edits, all together.")] = 10_000,
    listeners: Annotated[int, Parameter(help="Live clients of the latency.")] = 20,
    rows: Annotated[int, Parameter(help="Of the initial sync.")] = 100_000,
    live: Annotated[int, Parameter(help="Live clients held at once.")] = 1000,
    as_json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False,
) -> None:
    """Measure and print. A lost or doubled operation, or a device that differs, is exit code 1."""
    folder = PROJECT / "out" / f"turns-figures-{time.strftime('%Y%m%d-%H%M%S')}"
    found: dict[str, Figures] = {}
    for name in which or ALL:
        found[name] = _measure(name, folder / name, clients, operations, (listeners, rows, live))
        if not as_json:
            _print(name, found[name])
    if as_json:
        print(json.dumps(found, indent=2))
    proven = found.get("convergence", {})
    raise SystemExit(int(any(proven.get(name) for name in ("lost", "twice", "clients_that_differ"))))


def _measure(name: str, folder: Path, clients: int, operations: int, sizes: tuple[int, int, int]) -> Figures:
    listeners, rows, live = sizes
    if name == "convergence":
        return convergence.measure(folder, clients, operations)
    if name == "latency":
        return speed.latency(folder, listeners)
    if name == "initial":
        return speed.initial(folder, rows)
    return speed.many(folder, live)


def _print(name: str, found: Figures) -> None:
    table = Table(title=name, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for key, value in found.items():
        table.add_row(key.replace("_", " "), f"{value:,}" if isinstance(value, (int, float)) else str(value))
    Console(highlight=False).print(table)


if __name__ == "__main__":
    run(app, "benchmarks.turns")
