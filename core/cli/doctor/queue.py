"""The queue itself: who works, what waits for nobody, what does not move, what is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from core.cli.doctor.findings import Finding, ok, problem, warning
from core.cli.doctor.patient import Patient
from core.cli.showing import counted, duration

PATIENCE_S: Final = 60.0


async def workers(patient: Patient) -> list[Finding]:
    rows = [row for row in await patient.ask("workers") if row["alive"]]
    versions = sorted({row["code_version"] for row in rows if row["code_version"]})
    if len(versions) > 1:
        step = "fine during a rolling restart; afterwards restart the old ones (`rowmill workers`)"
        return [warning("workers", f"workers of {len(versions)} code versions live: {', '.join(versions)}", step)]
    said = f"{counted(len(rows), 'worker')} alive" if rows else "no worker is alive, and nothing is due"
    return [ok("workers", said)]


async def unserved(patient: Patient) -> list[Finding]:
    """A type that no live worker knows waits for ever, silently: a spelling mistake, or a worker that is missing."""
    found = []
    for row in await patient.ask("types"):
        name, waits_s = row["task_type"], row["oldest_s"] or 0.0
        tasks = f"{'at least ' if row['ready_is_minimum'] else ''}{counted(row['ready'], 'task')} of {name}"
        since = duration(timedelta(seconds=waits_s))
        if row["paused"]:
            found.append(
                warning("paused", f"{name} is paused, and {tasks} wait since {since}", f"run `rowmill resume {name}`")
            )
        elif not row["served"] and waits_s >= PATIENCE_S:
            step = "start a worker that knows the type, correct its name, or cancel the tasks with `rowmill cancel`"
            found.append(problem("unserved", f"{tasks} wait since {since}, and no live worker knows the type", step))
    return found or [ok("unserved", "every task that is due has a live worker for its type")]


async def stuck(patient: Patient) -> list[Finding]:
    """Runs that do not end."""
    found = [
        warning(
            "stuck",
            f"{counted(row['tasks'], 'run')}, up to {duration(timedelta(seconds=row['longest_s']))}: {row['reason']}",
            f"look with `rowmill task {row['example']}`",
        )
        for row in await patient.ask("stuck")
    ]
    return found or [ok("stuck", "no run takes longer than it should")]


async def retention(patient: Patient) -> list[Finding]:
    """Rows that are kept for ever make a table that grows for ever."""
    settings = patient.settings
    days = {
        "completed": settings.retain_completed_days,
        "failed": settings.retain_failed_days,
        "cancelled": settings.retain_cancelled_days,
    }
    if kept := [name for name, number in days.items() if not number]:
        step = f"set ROWMILL_RETAIN_{kept[0].upper()}_DAYS, unless you empty the table yourself"
        return [warning("retention", f"{', '.join(kept)} tasks are kept for ever", step)]
    overdue = (await patient.ask_one("overdue", **{f"{name}_days": float(each) for name, each in days.items()}))[0]
    if overdue:
        said = f"{counted(overdue, 'finished task')} should have gone a day ago"
        return [warning("retention", said, "start a worker: each of them deletes in the background")]
    kept_for = ", ".join(f"{name} {number} d" for name, number in days.items())
    audit = f"{settings.retain_audit_days} d" if settings.retain_audit_days else "for ever"
    return [ok("retention", f"tasks are kept: {kept_for}; the audit {audit}")]
