"""The `rowmill` command. One file per group of commands; this one owns the entry, `sentences` how errors are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from core.cli.main import app
from core.cli.sentences import explained, surprise


def main() -> None:
    """Runs the command line."""
    run(app, "rowmill")


def run(command: Callable[[], object], name: str) -> None:
    """Calls a program's command line; an error is one sentence and exit code 1, never a traceback."""
    try:
        command()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # `rowmill tasks | head`
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - what is left to flush goes there
        raise SystemExit(1) from None
    except Exception as error:  # noqa: BLE001 - the last to hear of it
        print(f"{name}: {explained(error) or surprise(error)}", file=sys.stderr)  # noqa: T201 - the command line talks
        raise SystemExit(1) from None
