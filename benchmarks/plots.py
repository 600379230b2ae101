"""Plots of the document, as SVG without a date in them, so that the same figures give the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from benchmarks import reference
from benchmarks.figures import BUFFERS, OURS, RATE, REFERENCE, STATEMENT_WAL, STATEMENTS, Figure, Figures
from benchmarks.workloads import w1, w2, w3, w4, w5

COLORS: Final = {OURS: "#1f6f4a", REFERENCE: "#8c8c8c"}
PEER: Final = "#c58b3c"
WIDTH: Final = 7.0


def draw(figures: Figures, folder: Path) -> list[tuple[str, str]]:
    """Writes the plots; returns file name and caption of each."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [
        bars(
            figures,
            folder / "w1.svg",
            "W1 no-op drain, one worker, tasks/s",
            "w1",
            w1.VARIANTS[1],
            RATE,
            reference.CLAIM,
        ),
        bars(
            figures,
            folder / "w2.svg",
            "W2 INSERTs/s, 32 connections, worker busy",
            "w2",
            w2.variant(32, w2.BUSY),
            w2.INSERTS,
            reference.bare(32),
        ),
        bars(
            figures, folder / "w3.svg", "W3 enqueue to start, idle worker, p99 ms", "w3", w3.IDLE, "start p99 ms", None
        ),
        bars(figures, folder / "w4.svg", "W4 steady state at the maximum, tasks/s", "w4", w4.MAXIMUM, RATE, None),
        bars(
            figures,
            folder / "w5.svg",
            "W5 audited work, one worker, tasks/s",
            "w5",
            w5.DISTINCT,
            RATE,
            reference.SET_BASED,
        ),
        growth(figures, folder / "w9.svg"),
    ]
    return [each for each in drawn if each is not None]


def bars(
    figures: Figures, file: Path, title: str, workload: str, variant: str, metric: str, limit: str | None
) -> tuple[str, str] | None:
    """One bar per system, with the spread of its runs; the limit by hand beside them."""
    wanted = [(workload, variant, metric), (reference.NAME, limit, RATE)]
    rows = [each for each in figures.all if (each.workload, each.variant, each.metric) in wanted]
    rows = [each for each in rows if each.system != REFERENCE or each.workload == reference.NAME]
    if not rows:
        return None
    figure, axes = _canvas(0.5 * len(rows) + 1.0)
    rows.sort(key=lambda each: each.median)
    spread = [[each.median - each.low for each in rows], [each.high - each.median for each in rows]]
    colors = [COLORS.get(each.system, PEER) for each in rows]
    axes.barh([_label(each) for each in rows], [each.median for each in rows], xerr=spread, color=colors, capsize=3)
    for at, each in enumerate(rows):
        axes.annotate(f" {each.median:,.4g}", (each.high, at), va="center", fontsize=8)
    axes.margins(x=0.15)
    _save(figure, axes, file, title)
    return file.name, title


def growth(figures: Figures, file: Path) -> tuple[str, str] | None:
    """Costs per task over the size of the tables."""
    title = "W9 cost of a task over the number of finished ones, smallest = 1"
    lines = {
        metric: [each for each in figures.all if (each.workload, each.metric) == ("w9", metric)]
        for metric in (BUFFERS, STATEMENTS, STATEMENT_WAL)
    }
    if not all(lines.values()):
        return None
    figure, axes = _canvas(3.0)
    for metric, rows in lines.items():
        sizes = [int(each.variant.split()[0].replace(",", "")) for each in rows]
        axes.plot(sizes, [each.median / rows[0].median for each in rows], marker="o", label=metric)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)
    _save(figure, axes, file, title)
    return file.name, title


def _label(each: Figure) -> str:
    return f"by hand: {each.variant.replace(', ', chr(10), 1)}" if each.system == REFERENCE else each.system


def _canvas(height: float) -> tuple[Any, Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    mpl.rcParams["svg.hashsalt"] = "rowmill"
    canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
    return canvas, canvas.add_subplot()


def _save(figure: Any, axes: Any, file: Path, title: str) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
