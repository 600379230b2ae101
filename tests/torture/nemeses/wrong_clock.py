"""A worker whose clock is wrong, by libfaketime: off by so much, or jumping while it runs. What it measures with its
monotonic clock stays right, as on a real machine whose wall clock is set."""

from __future__ import annotations

from pathlib import Path
from typing import Final

LIBRARIES: Final = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"),
)


def library() -> Path | None:
    return next((each for each in LIBRARIES if each.exists()), None)


def needs() -> str | None:
    return None if library() else "no libfaketime here; install the package libfaketime"


class WrongClock:
    """The environment of a process, and a file that says by how much it is wrong."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, seconds: int) -> None:
        """From now on the clock is wrong by so much."""
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}s\n", encoding="ascii")
        draft.rename(self._file)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
