"""T27: bugs planted one at a time in a copy of the sources; each must be noticed by the tests of its guard."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.settings import PROJECT

LIST: Final = Path(__file__).with_name("mutants.toml")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug. `old` stands exactly once in `file`; `why` names the rule or hazard; `witnesses` are pytest's names."""

    name: str
    why: str
    file: str
    old: str
    new: str
    witnesses: tuple[str, ...]

    def planted(self, root: Path = PROJECT) -> str:
        """The file's text with the bug. Raises ValueError where the place is not there any more."""
        text = (root / self.file).read_text(encoding="utf-8")
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.name}: its place stands {found} times in {self.file}; mend mutants.toml")
        return text.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    listed = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**each, "witnesses": tuple(each["witnesses"])}) for each in listed]
