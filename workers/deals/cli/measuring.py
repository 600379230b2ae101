"""`rowmill deals measure`: how well the check of drafts finds mistakes."""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import Parameter

from core.cli.door import Json, console, counted, print_json, table, text
from workers.deals.measure.scores import PER_KIND, SEED, TRUE_ONES, measured

COLUMNS: Final = ("kind", "drafts", "recall", "precision")
SHOWN: Final = 40


def measure(
    *,
    seed: Annotated[int, Parameter(help="Another one makes other drafts.")] = SEED,
    drafts: Annotated[int, Parameter(help="With one wrong fact, of each kind.")] = PER_KIND,
    true: Annotated[int, Parameter(help="Without a wrong fact.")] = TRUE_ONES,
    as_json: Json = False,
) -> None:
    """How well the check of drafts finds mistakes: made drafts, with one wrong fact each or with none."""
    found = measured(seed, drafts, true)
    if as_json:
        print_json(found.document())
        return
    out = console()
    rows = ((each.kind, each.wrong, f"{each.recall:.1%}", f"{each.precision:.1%}") for each in found.scores)
    out.print(table(f"seed {seed}", COLUMNS, rows))
    out.print(
        text(f"false alarms: {found.alarms} of {counted(found.true_drafts, 'true draft')}, {found.failed_alarms} fail")
    )
    out.print(text(f"{counted(len(found.misses), 'miss', 'misses')}:"))
    for kind, sentence in found.misses[:SHOWN]:
        out.print(text(f"  {kind}: {sentence}"), soft_wrap=True)
