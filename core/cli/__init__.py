"""The `rowmill` command. One file per group of commands; this one owns the entry and how errors are told."""

from __future__ import annotations

import sys
from typing import NoReturn

from core.cli.main import app
from core.errors import RowmillError


def main() -> None:
    """Runs the command line; a known error is one sentence and exit code 1, never a traceback."""
    try:
        app()
    except RowmillError as error:
        _end_with(error)
    except ExceptionGroup as group:
        known, others = group.split(RowmillError)
        if known is None or others is not None:
            raise
        _end_with(_first(known))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _first(group: ExceptionGroup[RowmillError]) -> RowmillError:
    """Tasks of one group fail together; the first tells why."""
    error: RowmillError | ExceptionGroup[RowmillError] = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _end_with(error: RowmillError) -> NoReturn:
    print(f"rowmill: {error}", file=sys.stderr)  # noqa: T201 - the command line talks
    raise SystemExit(1) from None
