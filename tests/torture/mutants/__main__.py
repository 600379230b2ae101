"""`python3 -m tests.torture.mutants`: plants each bug in a copy of the sources and runs its witnesses there. Exit code
1 when one survives, or cannot be planted any more."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated, Final

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from core.cli import run
from core.errors import RowmillError
from tests.torture import document
from tests.torture.mutants import mutants
from tests.torture.mutants.planting import Fate, fates

FILE_WIDTH: Final = 140
app = cyclopts.App(name="mutants", help=__doc__)


@app.default
def main(
    *names: Annotated[str, Parameter(help="Only those with this in their names.")],
    as_machine: Annotated[bool, Parameter(name="--json", help="Print the fates as JSON on stdout.")] = False,
    list_: Annotated[bool, Parameter(name="--list", help="List the mutants.")] = False,
    write: Annotated[bool, Parameter(help="Their verdicts go to docs/reliability.md.")] = False,
) -> None:
    """Plant, run, tell."""
    chosen = [each for each in mutants() if not names or any(name in each.name for name in names)]
    if not chosen:
        raise RowmillError(f"no mutant has {' or '.join(names)} in its name; --list names them")
    if list_:
        for each in chosen:
            print(f"{each.name:<60} {each.why:<10} {each.file}")
        return
    console = Console(stderr=as_machine)
    if not console.is_terminal:
        console = Console(stderr=as_machine, width=FILE_WIDTH)
    found = [tell(console, each) for each in fates(chosen)]
    _table(console, found)
    if write:
        document.write([], [], found, {}, whole=False)
    if as_machine:
        print(json.dumps([asdict(each) for each in found]))
    if any(each.verdict != "killed" for each in found):
        sys.exit(1)


def tell(console: Console, fate: Fate) -> Fate:
    """A line for one."""
    colour = "green" if fate.verdict == "killed" else "red"
    console.print(f"[{colour}]{fate.verdict:<8}[/{colour}] {fate.name} ({fate.seconds:.0f} s)", highlight=False)
    return fate


def _table(console: Console, found: list[Fate]) -> None:
    killed = sum(each.verdict == "killed" for each in found)
    table = Table(title=f"{killed} of {len(found)} mutants killed")
    for heading in ("mutant", "for", "verdict", "s", "pytest said"):
        table.add_column(heading)
    for each in found:
        table.add_row(each.name, each.why, each.verdict, f"{each.seconds:.0f}", each.said)
    console.print(table)


if __name__ == "__main__":
    run(app, "mutants")
