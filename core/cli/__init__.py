"""The `rowmill` command. One file per group of commands; this one owns the entry, `sentences` how errors are told."""

from __future__ import annotations

import sys
from collections.abc import Callable

from core.cli.main import app
from core.cli.sentences import explained


def main() -> None:
    """Runs the command line."""
    run(app, "rowmill")


def run(command: Callable[[], object], name: str) -> None:
    """Calls a program's command line; an error that a person can cure is one sentence and exit code 1."""
    try:
        command()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception as error:
        said = explained(error)
        if said is None:
            raise
        print(f"{name}: {said}", file=sys.stderr)  # noqa: T201 - the command line talks
        raise SystemExit(1) from None
