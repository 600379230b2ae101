"""Commands of the turns domain."""

from __future__ import annotations

from typing import Final

# Name, where it is, its first sentence.
COMMANDS: Final = (
    (
        "shapes",
        "workers.turns.cli.shapes:shapes",
        "List the shapes that somebody follows: rows, bytes, age, how far the log has gone on since.",
    ),
    (
        "turns-packages",
        "workers.turns.cli.shapes:turns_packages",
        "Install the npm packages of the page of turns, by the hashes of their lock file. Needs npm.",
    ),
    (
        "shapes-dev",
        "workers.turns.cli.shapes:shapes_dev",
        "Serve any table as shapes, to anybody on this machine, without a login. For development and test suites only.",
    ),
)
