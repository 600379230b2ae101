"""The `rowmill` command. One file per group of commands; this one owns the entry and how errors are told."""

from __future__ import annotations

import sys

from core.cli.main import app
from core.errors import RowmillError


def main() -> None:
    """Runs the command line; a known error is one sentence and exit code 1, never a traceback."""
    try:
        app()
    except RowmillError as error:
        print(f"rowmill: {error}", file=sys.stderr)  # noqa: T201 - the command line talks
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
