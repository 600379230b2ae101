"""Reports about a team, written from stored rows: weekly digest, 1-on-1, dashboard (D2.12, K18). Pure.

Each of them links to every row it was written from. The same rows give the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from core import Effect, Enqueue, Row
from workers.reports.model import Generate, LinkSources, SaveGenerated
from workers.reports.rules.decide import SPACE
from workers.reports.rules.highlights import highlights
from workers.reports.rules.writing import link, page, short, span, table, words

WEEK: Final = timedelta(days=7)
DASHBOARD_DAYS: Final = 14
WORKDAYS: Final = 5
MOST_SPEAKERS: Final = 12


@dataclass(frozen=True, slots=True)
class Sources:
    """The rows of a team in a span of days, in their order."""

    team: str
    first: date
    last: date
    daily: Sequence[Row]
    transcripts: Sequence[Row]
    jira: Sequence[Row]
    slack: Sequence[Row]
    authors: Sequence[str] = ()  # everybody who has reported lately


@dataclass(frozen=True, slots=True)
class Written:
    """A report: its title, both of its forms, what it counts, what it stands on."""

    title: str
    markdown: str
    html: str
    counts: dict[str, int]
    sources: dict[str, list[str]] = field(default_factory=dict)


def days_of(asked: Generate, now: datetime) -> tuple[date, date]:
    """The days a report is about: those asked for, else the week before the run, Monday to Sunday; of a dashboard the
    two weeks up to the day before."""
    if asked.first_day is not None:
        return asked.first_day, asked.last_day or asked.first_day + WEEK - timedelta(days=1)
    today = now.date()
    if asked.report_type == "dashboard":
        return today - timedelta(days=DASHBOARD_DAYS), today - timedelta(days=1)
    monday = today - timedelta(days=today.weekday()) - WEEK
    return monday, monday + WEEK - timedelta(days=1)


def one_each(asked: Generate, days: tuple[date, date], authors: Sequence[str]) -> list[Effect]:
    """One task per employee, of the same days."""
    of_days = {"first_day": days[0].isoformat(), "last_day": days[1].isoformat()}
    about = {"report_type": asked.report_type, "project_id": str(asked.project_id), **of_days}
    return [Enqueue("reports.generate", {**about, "subject": author}) for author in authors]


def report_id(asked: Generate, days: tuple[date, date]) -> UUID:
    """The id a new report gets."""
    return uuid5(SPACE, f"{asked.report_type} {asked.project_id} {days[0]} {days[1]} {asked.subject or ''}")


def saved(row_id: UUID, asked: Generate, days: tuple[date, date], made: Written) -> list[Effect]:
    report = SaveGenerated(
        row_id=row_id,
        project_id=asked.project_id,
        report_type=asked.report_type,
        title=made.title,
        subject=asked.subject or "",
        first_day=days[0],
        last_day=days[1],
        markdown=made.markdown,
        html=made.html,
        counts=made.counts,
    )
    return [report, LinkSources(row_id, made.sources)]


def written(report_type: str, found: Sources, subject: str) -> Written:
    match report_type:
        case "1on1":
            return one_on_one(found, subject)
        case "dashboard":
            return dashboard(found)
        case _:
            return weekly_digest(found)


def weekly_digest(found: Sources) -> Written:
    """What a team did, met about and captured."""
    title = f"Weekly digest: {found.team}, {span(found.first, found.last)}"
    lines = [f"# {words(title)}", "", _summary(found), "", *_blockers(found.daily), "## Reports", ""]
    for author in sorted({row["author_name"] for row in found.daily}):
        lines += [f"### {words(author)}", ""]
        lines += _days(row for row in found.daily if row["author_name"] == author)
        if missing := _missing(found, author):
            lines.append(f"- no report on {', '.join(short(day) for day in missing)}")
        lines.append("")
    if not found.daily:
        lines += ["Nobody has reported.", ""]
    if silent := sorted(set(found.authors) - {row["author_name"] for row in found.daily}):
        lines += [f"No report this time: {', '.join(words(name) for name in silent)}.", ""]
    lines += _meetings(found.transcripts) + _captures(found)
    return _made(title, lines, found)


def one_on_one(found: Sources, subject: str) -> Written:
    """What one employee did, said and is stopped by: for a talk."""
    own = [row for row in found.daily if row["author_name"] == subject]
    spoke = [row for row in found.transcripts if _speaks(row, subject)]
    kept = Sources(found.team, found.first, found.last, own, spoke, (), ())
    title = f"1-on-1: {subject}, {found.team}, {span(found.first, found.last)}"
    topics = ["## To talk about", "", *[f"- {words(each)}" for each in _topics(own)], ""]
    lines = [f"# {words(title)}", "", _summary(kept), "", *topics, *_blockers(own), "## Days", "", *_days(own)]
    if missing := _missing(kept, subject):
        lines.append(f"- no report on {', '.join(short(day) for day in missing)}")
    lines += ["", *_meetings(spoke)]
    return _made(title, lines, kept)


def dashboard(found: Sources) -> Written:
    """Who reported on which day, and what has come in."""
    title = f"Dashboard: {found.team}, {span(found.first, found.last)}"
    count = (found.last - found.first).days + 1
    days = [found.first + timedelta(days=at) for at in range(count)]
    days = [day for day in days if day.weekday() < WORKDAYS or any(row["report_date"] == day for row in found.daily)]
    by_place = {(row["author_name"], row["report_date"]): row for row in found.daily}
    authors = sorted({*found.authors, *(row["author_name"] for row in found.daily)})
    rows = []
    for author in authors:
        cells = [by_place.get((author, day)) for day in days]
        marks = ["·" if row is None else link("✓", "daily", row["id"]) for row in cells]
        rows.append([words(author), *marks, str(sum(1 for row in cells if row is not None))])
    lines = [f"# {words(title)}", "", _summary(found), ""]
    if rows:
        told = [sum((author, day) in by_place for author in authors) for day in days]
        rows.append(["**Together**", *map(str, told), str(sum(told))])
        lines += [table(["Employee", *(short(day) for day in days), "Days"], rows), ""]
    lines += _blockers(found.daily) + _meetings(found.transcripts) + _captures(found)
    return _made(title, lines, found)


def _made(title: str, lines: Sequence[str], found: Sources) -> Written:
    markdown = "\n".join(lines).rstrip() + "\n"
    sources = {
        "daily_reports": [str(row["id"]) for row in found.daily],
        "meeting_transcripts": [str(row["id"]) for row in found.transcripts],
        "jira_snapshots": [str(row["id"]) for row in found.jira],
        "slack_captures": [str(row["id"]) for row in found.slack],
    }
    counts = {name: len(ids) for name, ids in sources.items()}
    return Written(title, markdown, page(title, markdown), counts, {name: ids for name, ids in sources.items() if ids})


def _summary(found: Sources) -> str:
    parts = [
        _counted(len(found.daily), "daily report"),
        _counted(len({row["author_name"] for row in found.daily}), "employee"),
        _counted(len(found.transcripts), "meeting"),
        _counted(len(found.jira), "Jira snapshot"),
        _counted(len(found.slack), "Slack capture"),
    ]
    return ", ".join(part for part in parts if not part.startswith("0 ")) or "Nothing has come in."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _days(rows: Iterable[Row]) -> list[str]:
    lines = []
    for row in rows:
        found = highlights(row["content"])
        points = [words(point) for point in found.points] or ["no text"]
        more = f" (and {found.more} more)" if found.more else ""
        lines.append(f"- {link(short(row['report_date']), 'daily', row['id'])}: {'; '.join(points)}{more}")
    return lines


def _missing(found: Sources, author: str) -> list[date]:
    """Working days without a report."""
    told = {row["report_date"] for row in found.daily if row["author_name"] == author}
    days = (found.first + timedelta(days=at) for at in range((found.last - found.first).days + 1))
    return [day for day in days if day.weekday() < WORKDAYS and day not in told]


def _blockers(rows: Iterable[Row]) -> list[str]:
    lines = [
        f"- {link(short(row['report_date']), 'daily', row['id'])}, {words(row['author_name'])}: {words(each)}"
        for row in rows
        for each in highlights(row["content"]).blockers
    ]
    return ["## Blockers", "", *lines, ""] if lines else []


def _topics(rows: Iterable[Row]) -> list[str]:
    """Blockers first; then what was begun last."""
    rows = list(rows)
    topics = [each for row in rows for each in highlights(row["content"]).blockers]
    topics += [point for row in rows[-1:] for point in highlights(row["content"]).points]
    return list(dict.fromkeys(topics)) or ["nothing was reported"]


def _speaks(row: Row, subject: str) -> bool:
    """By the whole name, or the first name where the other side has no more."""
    name = subject.lower()
    return any(each.lower() == name or each.lower() == name.split(" ")[0] for each in row["speakers"])


def _meetings(rows: Iterable[Row]) -> list[str]:
    lines = []
    for row in rows:
        people = ", ".join(words(name) for name in row["speakers"][:MOST_SPEAKERS])
        length = f", {max(1, round(row['duration_s'] / 60))} min" if row["duration_s"] else ""
        title = link(words(row["title"] or row["filename"]), "transcripts", row["id"])
        lines.append(f"- {short(row['transcript_date'])}: {title}{length}{f' ({people})' if people else ''}")
    return ["## Meetings", "", *lines, ""] if lines else []


def _captures(found: Sources) -> list[str]:
    lines = []
    for row in found.jira:
        label = link(f"Jira, {span(row['week_start'], row['week_end'])}", "jira", row["id"])
        lines.append(f"- {label}: {_counted(row['issues'], 'issue')} in {_counted(row['epics'], 'epic')}")
    for row in found.slack:
        week = span(row["week_start"], row["week_end"])
        label = link(f"Slack {words('#' + row['channel'])}, {week}", "slack", row["id"])
        lines.append(f"- {label}: {_counted(row['messages'], 'message')}")
    return ["## Captures", "", *lines, ""] if lines else []
