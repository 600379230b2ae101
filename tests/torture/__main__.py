"""`python3 run.py torture`: harm of every kind to real workers and a real PostgreSQL, and an independent checker that
says whether anything was lost or done twice. Seeded: the same seed chooses the same harms."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import time
from typing import Annotated, Any, Final

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from core import log
from core.cli import run
from core.errors import RowmillError
from tests.torture import document
from tests.torture.figures import Result
from tests.torture.playing import SCENARIOS, play
from tests.torture.report import machine, print_result, print_table
from tests.torture.stage import staged

FILE_WIDTH: Final = 140

app = cyclopts.App(name="torture", help=__doc__)


@app.default
def torture(
    *scenarios: Annotated[str, Parameter(help="Only these; --list names them.")],
    long: Annotated[bool, Parameter(help="The large sizes, and the scenarios that have no small one.")] = False,
    soak: Annotated[float, Parameter(help="Minutes of everything at random, after the others.")] = 0.0,
    seed: Annotated[int | None, Parameter(help="Choose the same harms again.")] = None,
    as_machine: Annotated[bool, Parameter(name="--json", help="Print the results as JSON on stdout.")] = False,
    write: Annotated[bool, Parameter(help="Write docs/reliability.md.")] = False,
    list_: Annotated[bool, Parameter(name="--list", help="List the scenarios.")] = False,
) -> None:
    """Play scenarios; exit code 1 when an invariant is broken or a figure misses its limit."""
    if list_:
        for name, scenario in SCENARIOS.items():
            sizes = "quick, long" if scenario.QUICK and scenario.LONG else "quick" if scenario.QUICK else "long"
            print(f"{name:<36} {', '.join(scenario.TESTS):<14} {sizes:<12} {scenario.TITLE}")
        return
    log.configure("error")
    chosen = _chosen(scenarios, long=long)
    if soak:
        chosen["everything_at_random"] = {**SCENARIOS["everything_at_random"].LONG, "minutes": soak}
    seed = secrets.randbelow(10**6) if seed is None else seed
    console = Console(stderr=as_machine)
    if not console.is_terminal:
        console = Console(stderr=as_machine, width=FILE_WIDTH)
    began = time.monotonic()
    results = asyncio.run(_play(chosen, seed, console))
    minutes = (time.monotonic() - began) / 60
    _tell(results, seed, minutes, console, as_machine=as_machine, write=write)
    if not all(each.passed for each in results):
        sys.exit(1)


def _chosen(names: tuple[str, ...], *, long: bool) -> dict[str, Any]:
    unknown = sorted(set(names) - SCENARIOS.keys())
    if unknown:
        raise RowmillError(f"there is no scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}")
    sizes = {name: each.LONG if long else each.QUICK for name, each in SCENARIOS.items()}
    if names:
        sizes = {name: sizes[name] or SCENARIOS[name].LONG or SCENARIOS[name].QUICK for name in names}
    return {name: size for name, size in sizes.items() if size and (names or name != "everything_at_random")}


async def _play(chosen: dict[str, Any], seed: int, console: Console) -> list[Result]:
    results: list[Result] = []
    async with staged() as stage:
        for name, size in chosen.items():
            console.print(f"[dim]{name} ...[/dim]", highlight=False)
            results.append(await play(stage, name, size, seed))
            print_result(console, results[-1])
    return results


def _tell(results: list[Result], seed: int, minutes: float, console: Console, *, as_machine: bool, write: bool) -> None:
    command = " ".join(("python3 run.py torture", *(word for word in sys.argv[1:] if word != "--write")))
    if "--seed" not in command:
        command += f" --seed {seed}"
    found = {"command": command, "seed": seed, "minutes": round(minutes, 1), "machine": machine()}
    print_table(console, results)
    console.print(f"seed {seed}, {minutes:.1f} minutes", highlight=False)
    if as_machine:
        print(json.dumps({**found, "results": [each.as_json() for each in results]}))
    if write:
        console.print(f"written: {document.write(results, found)}", highlight=False)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what goes to the background without it
    run(app, "torture")
