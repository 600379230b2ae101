"""What the part shows at its end."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from demo.reports.proof import Verdict


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The figures, with units in their names."""
    played = verdict.played
    return {
        "files": played.files,
        "daily_reports_checked": verdict.daily,
        "transcripts_checked": verdict.transcripts,
        "captures": verdict.captures,
        "revisions": verdict.revisions,
        "files_with_problems": verdict.problems,
        "links_to_sources": verdict.links,
        "generated_reports": verdict.generated,
        "search_hits": verdict.hits,
        "seconds": round(played.seconds, 2),
        "received_per_s": round(played.files / played.receiving_s),
        "ingested_per_s": round(played.files / played.reading_s),
        "worker_peak_mb_first_third": played.peaks.worker[0],
        "worker_peak_mb_last_third": played.peaks.worker[2],
        "reader_peak_mb_first_third": played.peaks.reader[0],
        "reader_peak_mb_last_third": played.peaks.reader[2],
        "command_mb": played.command_mb,
        "kills_survived": played.kills,
        "effects_lost": verdict.lost,
        "effects_doubled": verdict.doubled,
        "folder": str(played.folder),
        "holds": verdict.holds,
    }


def print_report(console: Console, verdict: Verdict) -> None:
    """The closing table and sentence."""
    table = Table(title="Files of a team, received, read, searched, reported", show_header=False, min_width=52)
    for name, value in as_json(verdict).items():
        if name not in {"folder", "holds"}:
            table.add_row(name.replace("_", " "), f"{value:,}")
    console.print(table)
    for example in verdict.examples:
        console.print(f"  {example}", highlight=False, markup=False)
    good = "[green]Every text is there, word for word, once."
    console.print(good if verdict.holds else "[red]The promise was broken; see above.")
