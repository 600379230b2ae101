"""The steps of `import_mapped`: propose where a foreign file's columns belong, import it as a person has confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core import Fail, Outcome, Task, operator
from workers.spreadsheets import adapter
from workers.spreadsheets.model import AddColumn, AppendRows
from workers.spreadsheets.model.sessions import SessionStep
from workers.spreadsheets.rules import decisions
from workers.spreadsheets.rules.sessions import answers, mapping
from workers.spreadsheets.rules.sessions.steps import Session, plain_columns
from workers.spreadsheets.steps import STEP, columns_of, session_of


@operator("spreadsheets.propose_mapping", **STEP)
async def propose_mapping(task: Task[SessionStep]) -> Outcome:
    """Which column of the sheet each column of the file belongs into; a person confirms."""
    session = await session_of(task)
    if not isinstance(session, Session):
        return session
    columns = plain_columns(await columns_of(task, session))
    if task.signal is not None:
        found = session.so_far
        chosen = answers.decided(task.signal.payload, found["defaults"])
        if mapping.taken_twice(chosen) is not None:
            header, samples = found["header"], found["samples"]
            again = mapping.question(session.given.file, header, samples, columns, found["rows"], chosen)
            return session.asks(again, **{**found, "defaults": chosen})
        return session.done(file=found["file"], header=found["header"], **mapping.outcome_of(chosen, found["header"]))
    try:
        table = await asyncio.to_thread(adapter.open_table_below_root, task.workspace_id, session.given.file)
    except (adapter.FileUnreadable, adapter.PathRefused) as error:
        return Fail(str(error))
    with table:
        if len(table.header) > mapping.MOST_COLUMNS:
            told = f"{session.given.file} has {len(table.header):,} columns; the most that can be mapped is"
            return Fail(f"{told} {mapping.MOST_COLUMNS}; take the others out")
        samples = await asyncio.to_thread(table.rows, 0, mapping.SAMPLES)
        question = mapping.question(session.given.file, table.header, samples, columns, table.row_count)
        mark = decisions.file_mark(table.size, table.mtime_ns, table.header)
        defaults = answers.defaults_of(question.form())
        return session.asks(
            question,
            file=mark,
            header=list(table.header),
            defaults=defaults,
            samples=[list(row) for row in samples[:3]],
            rows=table.row_count,
        )


@operator("spreadsheets.import_mapped", **STEP)
async def import_mapped(task: Task[SessionStep]) -> Outcome:
    """Appends the file's rows in chunks; each commits with the position after it, so every row lands once."""
    session = await session_of(task)
    if not isinstance(session, Session):
        return session
    plan = session.before
    if not plan["places"]:
        return session.done(rows=0, columns=0)
    try:
        table = await asyncio.to_thread(adapter.open_table_below_root, task.workspace_id, session.given.file)
    except (adapter.FileUnreadable, adapter.PathRefused) as error:
        return Fail(str(error))
    with table:
        if decisions.file_mark(table.size, table.mtime_ns, table.header) != plan["file"]:
            return Fail(f"{session.given.file} has changed since its columns were mapped; start a new session")
        column_ids, rows_done = await _places(task, session, plan), (task.progress or {}).get("rows_done", 0)
        size = decisions.chunk_rows(len(column_ids))
        while rows := await asyncio.to_thread(table.rows, rows_done, size):
            rows_done += len(rows)
            kept = tuple(mapping.picked(row, plan["places"]) for row in rows)
            await task.commit([AppendRows(session.spreadsheet_id, column_ids, kept)], progress={"rows_done": rows_done})
    return session.done(rows=rows_done, columns=len(column_ids))


async def _places(task: Task[SessionStep], session: Session, plan: Mapping[str, Any]) -> tuple[UUID, ...]:
    """The columns of the sheet, in the order of the file's; new ones are made, once."""
    columns = await columns_of(task, session)
    known, position = {column["id"] for column in columns}, max((c["position"] for c in columns), default=0)
    places: list[UUID] = []
    added: list[AddColumn] = []
    for at, place in zip(plan["places"], plan["columns"], strict=True):
        column_id = session.part_id(f"column {at}") if place == mapping.NEW else UUID(place)
        if column_id not in known and place == mapping.NEW:
            position += 1
            added.append(AddColumn(column_id, session.spreadsheet_id, position, plan["header"][at]))
        places.append(column_id)
    if added:
        await task.commit(added, progress={"rows_done": 0})
    return tuple(places)
