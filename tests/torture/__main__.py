"""`python3 run.py torture`: harm of every kind to real workers and a real PostgreSQL, and an independent checker that
says whether anything was lost or done twice. Seeded: the same seed chooses the same harms."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from core import log
from core.cli import run
from core.errors import RowmillError
from tests.torture import document
from tests.torture.contenders import match
from tests.torture.contenders.harms import HARMS
from tests.torture.contenders.match import Bout, contenders
from tests.torture.figures import Result
from tests.torture.mutants import mutants
from tests.torture.mutants.__main__ import tell
from tests.torture.mutants.planting import Fate, fates
from tests.torture.playing import SCENARIOS, play
from tests.torture.report import machine, print_result, print_table
from tests.torture.stage import staged

FILE_WIDTH: Final = 140

app = cyclopts.App(name="torture", help=__doc__)


@app.default
def torture(
    *scenarios: Annotated[str, Parameter(help="Only these; --list names them.")],
    long: Annotated[bool, Parameter(help="The large sizes, and the scenarios that have no small one.")] = False,
    soak: Annotated[float, Parameter(help="Minutes of everything at random, instead of those of its size.")] = 0.0,
    seed: Annotated[int | None, Parameter(help="Choose the same harms again.")] = None,
    as_machine: Annotated[bool, Parameter(name="--json", help="Print the results as JSON on stdout.")] = False,
    peers: Annotated[bool, Parameter(help="Kills, stalls and poison for other queues too; installs them.")] = False,
    with_mutants: Annotated[bool, Parameter(name="--mutants", help="Plant the mutants afterwards.")] = False,
    write: Annotated[bool, Parameter(help="Write docs/reliability.md; with names, only their part of it.")] = False,
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
    results, bouts = asyncio.run(_play(chosen, seed, console, with_peers=peers))
    found = _fates(console) if with_mutants else []
    minutes = (time.monotonic() - began) / 60
    played = _Played(results, bouts, found, seed, minutes, whole=not scenarios)
    _tell(played, console, size="long" if long else "quick", as_machine=as_machine, write=write)
    if not played.passed:
        sys.exit(1)


def _chosen(names: tuple[str, ...], *, long: bool) -> dict[str, Any]:
    unknown = sorted(set(names) - SCENARIOS.keys())
    if unknown:
        raise RowmillError(f"there is no scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}")
    sizes = {name: each.LONG if long else each.QUICK for name, each in SCENARIOS.items()}
    if names:
        sizes = {name: sizes[name] or SCENARIOS[name].LONG or SCENARIOS[name].QUICK for name in names}
    return {name: size for name, size in sizes.items() if size}


@dataclass(frozen=True, slots=True)
class _Played:
    """Everything that one run found."""

    results: list[Result]
    bouts: list[Bout]
    fates: list[Fate]
    seed: int
    minutes: float
    whole: bool  # no scenario was named

    @property
    def passed(self) -> bool:
        return all(each.passed for each in self.results) and all(each.verdict == "killed" for each in self.fates)


async def _play(
    chosen: dict[str, Any], seed: int, console: Console, *, with_peers: bool
) -> tuple[list[Result], list[Bout]]:
    results: list[Result] = []
    bouts: list[Bout] = []
    with staged() as stage:
        for name, size in chosen.items():
            console.print(f"[dim]{name} ...[/dim]", highlight=False)
            results.append(await play(stage, name, size, seed))
            print_result(console, results[-1])
        for contender in await contenders(console.print) if with_peers else ():
            for harm in HARMS:
                bouts.append(await match.play(stage, contender, harm))
                console.print(
                    f"{contender.name}: {harm}: {bouts[-1].error or bouts[-1].figures}", markup=False, highlight=False
                )
    return results, bouts


def _fates(console: Console) -> list[Fate]:
    """Of all mutants. What scenarios have found before shall not be lost where they cannot be planted."""
    try:
        return [tell(console, each) for each in fates(mutants())]
    except RowmillError as error:
        console.print(str(error), markup=False, highlight=False)
        return [tell(console, Fate("none at all", "T27", "mutants.toml", "BROKEN", 0.0, str(error)))]


def _tell(played: _Played, console: Console, *, size: str, as_machine: bool, write: bool) -> None:
    command = " ".join(("python3 run.py torture", *(word for word in sys.argv[1:] if word != "--write")))
    if "--seed" not in command:
        command += f" --seed {played.seed}"
    about = {
        "command": command,
        "seed": played.seed,
        "size": size,
        "minutes": round(played.minutes, 1),
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
    }
    if played.results:
        print_table(console, played.results)
    console.print(f"seed {played.seed}, {played.minutes:.1f} minutes", highlight=False)
    if as_machine:
        found = {
            "results": [each.as_json() for each in played.results],
            "contenders": [asdict(each) for each in played.bouts],
            "mutants": [asdict(each) for each in played.fates],
        }
        print(json.dumps({**about, **found}))
    if write:
        path = document.write(played.results, played.bouts, played.fates, about, whole=played.whole)
        console.print(f"written: {path}", highlight=False)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what goes to the background without it
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers and workers end with us
    run(app, "torture")
