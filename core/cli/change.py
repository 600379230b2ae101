"""`rowmill retry` and `rowmill cancel`: tasks by their ids, or all that match, shown first. Owns the talk with the
person; `applying` does it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final
from uuid import UUID

from cyclopts import Parameter
from rich.prompt import Confirm

from core.cli.applying import CANCEL, RETRY, Tally, Verb, applied, applied_singly, counted_tasks
from core.cli.asking import ask, found_id
from core.cli.database import DataDir
from core.cli.filters import Filters
from core.cli.showing import Json, console, counted, print_json, table, text
from core.db import catalogs
from core.db.connect import Connection
from core.errors import RowmillError

NO_FILTERS: Final = Filters()

Ids = Annotated[str, Parameter(name="ID", help="Ids of tasks, or their unique beginnings.")]
Where = Annotated[bool, Parameter(name="--where", negative="", help="All tasks that the filters match, not ids.")]
DryRun = Annotated[bool, Parameter(name="--dry-run", negative="", help="Show what would happen, change nothing.")]
Yes = Annotated[bool, Parameter(name="--yes", negative="", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a person has asked for it."""

    where: bool
    dry_run: bool
    yes: bool
    as_json: bool


def retry(
    *ids: Ids,
    where: Where = False,
    filters: Filters = NO_FILTERS,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Run tasks again with fresh attempts: by id, or with --where all that match, the failed ones unless told."""
    _change(RETRY, ids, filters, Wanted(where, dry_run, yes, as_json), data_dir)


def cancel(
    *ids: Ids,
    where: Where = False,
    filters: Filters = NO_FILTERS,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Cancel tasks: pending ones at once, running ones are stopped and write nothing. By id, or with --where."""
    _change(CANCEL, ids, filters, Wanted(where, dry_run, yes, as_json), data_dir)


def _change(verb: Verb, ids: Sequence[str], filters: Filters, wanted: Wanted, data_dir: DataDir) -> None:
    _check(verb, ids, filters, wanted)
    if wanted.where:
        meant = filters if filters.status else replace(filters, status=verb.meant)
        refused = ask(data_dir, lambda connection: _by_filter(connection, verb, meant, wanted))
    else:
        refused = ask(data_dir, lambda connection: _by_id(connection, verb, ids, wanted))
    if refused:
        raise SystemExit(1)


def _check(verb: Verb, ids: Sequence[str], filters: Filters, wanted: Wanted) -> None:
    """A change of many tasks is never a slip of the finger."""
    if wanted.where and ids:
        raise RowmillError("give either ids or --where with filters, not both")
    if not wanted.where and filters.given:
        raise RowmillError(f"filters need --where; look first with `rowmill {verb.name} --where … --dry-run`")
    if not wanted.where and not ids:
        raise RowmillError(
            f"which tasks? Give their ids, or --where with filters; `rowmill {verb.name} --help` has all"
        )
    if wanted.where and not filters.given:
        raise RowmillError("--where needs at least one filter, for example --status failed or --type 'spreadsheets.*'")
    if impossible := sorted(set(filters.status) - set(verb.allowed)):
        allowed = ", ".join(verb.allowed)
        raise RowmillError(f"{verb.name} is not for {', '.join(impossible)} tasks; choose --status from {allowed}")


async def _by_id(connection: Connection, verb: Verb, given: Sequence[str], wanted: Wanted) -> int:
    ids = list(dict.fromkeys([await found_id(connection, each) for each in given]))
    if wanted.dry_run:
        return await _preview_ids(connection, verb, ids, wanted)
    changed = await applied_singly(connection, verb, ids)
    if wanted.as_json:
        print_json({"changed": _by_text(changed.answers), "refused": _by_text(changed.refused), "dry_run": False})
        return len(changed.refused)
    for task_id, answer in changed.answers.items():
        console().print(text(f"{task_id} is {'asked to stop' if answer == 'cancel asked' else answer}"), soft_wrap=True)
    for task_id, sentence in changed.refused.items():
        console(stderr=True).print(text(f"rowmill: {_named(task_id, sentence)}"), soft_wrap=True)
    return len(changed.refused)


async def _preview_ids(connection: Connection, verb: Verb, ids: Sequence[UUID], wanted: Wanted) -> int:
    rows = [(await catalogs.inspect()["task"].fetch(connection, id=each))[0] for each in ids]
    able = {row["id"]: row["status"] in verb.allowed for row in rows}
    if wanted.as_json:
        would = [str(task_id) for task_id, is_able in able.items() if is_able]
        print_json({"would_change": would, "refused": [str(i) for i in able if not able[i]], "dry_run": True})
    else:
        cells = ((r["id"], r["task_type"], r["status"], verb.name if able[r["id"]] else "refuse") for r in rows)
        console().print(table("Nothing is changed; this would happen", ("id", "type", "status", "then"), cells))
    return 0


def _by_text(found: dict[UUID, str]) -> dict[str, str]:
    return {str(task_id): answer for task_id, answer in found.items()}


def _named(task_id: UUID, sentence: str) -> str:
    return sentence if str(task_id) in sentence else f"task {task_id}: {sentence}"


async def _by_filter(connection: Connection, verb: Verb, filters: Filters, wanted: Wanted) -> int:
    counts, last = await counted_tasks(connection, filters)
    if wanted.dry_run or not (counts and wanted.yes):
        _print_preview(verb, counts, wanted)
    if wanted.dry_run or (not counts and not wanted.as_json):
        return 0
    if counts and not wanted.yes and not _confirmed(verb, counts.total()):
        console(stderr=True).print("nothing was changed")
        return 0
    tally = await applied(connection, verb, filters, last, counts.total())
    _print_tally(verb, tally, wanted)
    return tally.refused


def _print_preview(verb: Verb, counts: Counter[tuple[str, str]], wanted: Wanted) -> None:
    if wanted.as_json:
        if wanted.dry_run:
            groups = [{"task_type": kind, "status": status, "tasks": n} for (kind, status), n in sorted(counts.items())]
            print_json({"would_change": counts.total(), "groups": groups, "dry_run": True})
        return
    told = console()
    if not counts:
        told.print(f"No task to {verb.name} matches; look with `rowmill tasks` and the same filters.")
        return
    rows = ((kind, status, f"{number:,}") for (kind, status), number in sorted(counts.items()))
    told.print(table(f"{counted(counts.total(), 'task')} to {verb.name}", ("type", "status", "tasks"), rows))
    if wanted.dry_run:
        told.print("Nothing was changed; apply it with --yes instead of --dry-run.")


def _confirmed(verb: Verb, total: int) -> bool:
    if not sys.stdin.isatty():
        raise RowmillError(f"nobody is there to confirm; add --yes to {verb.name} {counted(total, 'task')}")
    question = f"{verb.name.capitalize()} {counted(total, 'task')}?"
    try:
        return Confirm.ask(question, console=console(stderr=True), default=False)
    except EOFError:  # Ctrl-D
        return False


def _print_tally(verb: Verb, tally: Tally, wanted: Wanted) -> None:
    if wanted.as_json:
        refused = [{"id": str(task_id), "reason": sentence} for task_id, sentence in tally.examples]
        print_json({"changed": tally.changed, "refused": tally.refused, "refusals": refused, "dry_run": False})
        return
    console().print(f"{counted(tally.changed, 'task')} {verb.done}.")
    for task_id, sentence in tally.examples:
        console(stderr=True).print(text(f"rowmill: {_named(task_id, sentence)}"), soft_wrap=True)
    if tally.refused > len(tally.examples):
        console(stderr=True).print(f"rowmill: and {tally.refused - len(tally.examples):,} more were refused")
