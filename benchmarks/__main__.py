"""`python3 run.py bench`: how fast Rowmill is on this machine, beside limits by hand and (--peers) other queues."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final

import cyclopts
import uvloop
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from benchmarks import document, reference, sizes
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Figures
from benchmarks.goals import goals, leads
from benchmarks.machine import describe
from benchmarks.peers.environments import RECIPES, NotInstalled, ready
from benchmarks.peers.peer import Peer
from benchmarks.report import print_report, progress
from benchmarks.server import serving
from benchmarks.sizes import Sizes
from benchmarks.workloads import w1, w2, w3, w4, w5, w6, w7, w8, w9, w10
from core import log
from core.cli import run
from core.errors import RowmillError

# W9 before W8: both use the tables that grow, and W8 crowds them. The limits come first, while the machine is fresh.
WORKLOADS: Final[dict[str, ModuleType]] = {
    each.NAME: each for each in (reference, w1, w2, w3, w4, w5, w6, w7, w9, w8, w10)
}
FILE_WIDTH: Final = 140  # of tables that go to a file
SHOWN: Final = sorted(WORKLOADS, key=lambda name: (name[0] == "w", len(name), name))

app = cyclopts.App(name="bench", help=__doc__)


@app.default
def bench(
    *workloads: Annotated[str, Parameter(help="Only these, for example w1 w5; the limits are named reference.")],
    quick: Annotated[bool, Parameter(help="Small sizes, two runs each: all workloads in under three minutes.")] = False,
    as_machine: Annotated[bool, Parameter(name="--json", help="Print the figures as JSON on stdout.")] = False,
    peers: Annotated[bool, Parameter(help="Measure other queues too (w1 to w5); installs them on first use.")] = False,
    runs: Annotated[int | None, Parameter(help="Runs of each variant.", validator=Number(gte=1, lte=100))] = None,
    dsn: Annotated[
        str | None, Parameter(help="A server of your own; its user must be allowed to make databases.")
    ] = None,
    write: Annotated[bool, Parameter(help="Write docs/benchmarks.md and its plots.")] = False,
    list_: Annotated[bool, Parameter(name="--list", help="List the workloads.")] = False,
) -> None:
    """Measure; the figures are medians, each run is checked, a wrong run is an error."""
    if list_:
        for name in SHOWN:
            print(f"{name:<10} {WORKLOADS[name].TITLE}")
        return
    chosen = _chosen(workloads)
    size = sizes.QUICK if quick else sizes.FULL
    log.configure("error")
    began = time.monotonic()
    found = uvloop.run(_measure(chosen, size, runs, dsn, with_peers=peers, quiet=as_machine))
    _tell(found, began, as_machine=as_machine, write=write)


def _chosen(names: tuple[str, ...]) -> list[str]:
    unknown = sorted(set(names) - WORKLOADS.keys())
    if unknown:
        raise RowmillError(f"there is no workload {unknown[0]!r}; there are: {', '.join(SHOWN)}")
    return [name for name in WORKLOADS if not names or name in names]


async def _measure(
    chosen: list[str], size: Sizes, runs: int | None, dsn: str | None, *, with_peers: bool, quiet: bool
) -> dict[str, Any]:
    """The figures of the chosen workloads, and what they were measured on."""
    figures: list[Figure] = []
    async with serving(dsn) as server:
        with progress(quiet=quiet) as tell:
            made = Bench(server, replace(size, runs=runs or size.runs), tell)
            async with made.stack:
                if with_peers:
                    await _install(made)
                for name in chosen:
                    figures += await WORKLOADS[name].run(made)
        return {"figures": Figures(figures), "machine": describe(server, made.peers), "problems": made.problems}


async def _install(made: Bench) -> None:
    for recipe in RECIPES:
        made.tell(f"installing {recipe.name} {recipe.version}")
        try:
            await ready(recipe)
        except NotInstalled as reason:
            made.problems.append(str(reason))
        else:
            made.peers.append(Peer(made.server, recipe))


def _tell(found: dict[str, Any], began: float, *, as_machine: bool, write: bool) -> None:
    figures: Figures = found["figures"]
    titles = {name: WORKLOADS[name].TITLE for name in SHOWN}
    minutes = (time.monotonic() - began) / 60
    console = Console(stderr=as_machine)
    if not console.is_terminal:
        console = Console(stderr=as_machine, width=FILE_WIDTH)
    if as_machine:
        print(json.dumps(_as_json(found, minutes)))
    else:
        print_report(console, figures, titles)
    for problem in found["problems"]:
        console.print(f"bench: {problem}", highlight=False)
    if write:
        command = " ".join(("python3 run.py bench", *(word for word in sys.argv[1:] if word != "--write")))
        written = document.write(figures, titles, found["machine"], command)
        console.print(f"written: {written.relative_to(Path.cwd()) if written.is_relative_to(Path.cwd()) else written}")
    console.print(f"{minutes:.1f} minutes", highlight=False)


def _as_json(found: dict[str, Any], minutes: float) -> dict[str, Any]:
    figures: Figures = found["figures"]
    return {
        "machine": found["machine"],
        "minutes": round(minutes, 2),
        "figures": [each.as_json() for each in figures.all],
        "goals": [each.as_json() for each in goals(figures)],
        "peers_ahead": [each.sentence for each in leads(figures)],
        "problems": found["problems"],
    }


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what goes to the background without it
    run(app, "bench")
