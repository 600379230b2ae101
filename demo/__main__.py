"""`python3 run.py demo [DOMAIN...]`: the main job of each domain on real data, proven."""

from __future__ import annotations

import json
import os
import time
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from core import log
from core.cli import run
from core.cli.database import DataDir, server_in_use
from demo.part import Asked, parts

app = cyclopts.App(name="demo", help=__doc__)


@app.default
def demo(
    *domains: Annotated[str, Parameter(help="Which parts, for example spreadsheets; all of them unless named.")],
    as_machine: Annotated[bool, Parameter(name="--json", help="Print the figures as JSON on stdout.")] = False,
    keep: Annotated[bool, Parameter(help="Leave the workers of the last part running and say how to look.")] = False,
    sabotage: Annotated[bool, Parameter(help="Drop one commit on purpose; the demo must notice and exit 1.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Play each part on a database of its own and prove what it did. Exit code 1 where a promise was broken."""
    log.configure("error")
    chosen = parts(domains)
    run_name = time.strftime("%Y%m%d-%H%M%S") + f"-{os.getpid()}"
    told = {}
    with server_in_use(data_dir) as server:
        for name, perform in chosen.items():
            last = name == list(chosen)[-1]
            told[name] = perform(Asked(run_name, server, as_machine, keep and last, sabotage))
    holds = all(each.holds for each in told.values())
    if as_machine:
        print(json.dumps({"holds": holds, **{name: dict(each.figures) for name, each in told.items()}}, default=str))
    raise SystemExit(0 if holds else 1)


if __name__ == "__main__":
    run(app, "demo")
