"""What the part shows at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.work_orders.proof import Verdict


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The figures, with units in their names."""
    played = verdict.played
    return {
        "documents": verdict.documents,
        "repeated_ingestions": played.repeats,
        "work_orders": verdict.orders,
        "fields_checked": verdict.fields,
        "signed_matched": verdict.matched,
        "revisions": verdict.revisions,
        **{f"to_review_{kind}": count for kind, count in verdict.reviews.items()},
        "rows_exported": verdict.exported_rows,
        "seconds": round(played.seconds, 2),
        "reading_seconds": round(played.reading_s, 2),
        "kills_survived": played.kills,
        "effects_lost": verdict.lost,
        "effects_doubled": verdict.doubled,
        "exported": str(played.exported),
        "holds": verdict.holds,
    }


def print_report(console: Console, verdict: Verdict) -> None:
    """The closing table and sentence."""
    table = Table(title="Work orders, read, matched, exported", show_header=False, min_width=52)
    for name, value in as_json(verdict).items():
        if name not in {"exported", "holds"}:
            table.add_row(name.replace("_", " "), f"{value:,}")
    console.print(table)
    for example in verdict.examples:
        console.print(f"  {example}", highlight=False, markup=False)
    path = verdict.played.exported
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    console.print(f"exported: {shown}", highlight=False, soft_wrap=True)
    good = "[green]Every order is there, once, and so is its row."
    console.print(good if verdict.holds else "[red]The promise was broken; see above.")
