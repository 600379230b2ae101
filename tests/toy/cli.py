"""A domain's own command: the row, and what it names."""

from __future__ import annotations

COMMANDS = (("toy", "tests.toy.cli:toy", "Say a word."),)


def toy() -> None:
    """Say a word."""
    print("toy")
