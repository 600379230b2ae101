"""A file's rows land below the sheet's last row, each once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from core.effects import Effect
from core.task import Task
from tests.running import Workers, all_ended, ended, enqueue, task_row, until
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet
from tests.workers.spreadsheets.slow_file import SlowFile
from workers.spreadsheets.rules import decisions

IMPORT = "spreadsheets.import_file"


@pytest.fixture
def four_rows_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file with two columns."""
    monkeypatch.setattr(decisions, "IMPORT_CHUNK_CELLS", 8)


class Stop:
    """Stops every run after its commit number `after`, until released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.reached = asyncio.Event()
        self.go = asyncio.Event()
        honest, counts = Task.commit, dict[tuple[UUID, int], int]()

        async def commit(task: Task[Any], effects: list[Effect], *, progress: Mapping[str, Any] | None = None) -> None:
            await honest(task, effects, progress=progress)
            run = task.id, task.run_no
            counts[run] = counts.get(run, 0) + 1
            if counts[run] == after and not self.go.is_set():
                self.reached.set()
                await self.go.wait()

        monkeypatch.setattr(Task, "commit", commit)


def numbered(path: Path, rows: int, prefix: str = "r") -> str:
    """A file of two columns; returns its name."""
    lines = [f"{prefix}{row},{row}" for row in range(1, rows + 1)]
    path.write_text("\n".join(["Name,Number", *lines, ""]), encoding="utf-8")
    return path.name


async def start_import(sheet: Sheet, file: str, spreadsheet_id: UUID | None = None) -> UUID:
    return await enqueue(sheet.db, IMPORT, {"spreadsheet_id": str(spreadsheet_id or sheet.id), "file": file})


async def columns(sheet: Sheet) -> dict[str, list[str | None]]:
    """Every column by title, from its first cell to its last."""
    rows = await sheet.db.fetch("select id, title from sheet_columns where spreadsheet_id = $1", sheet.id)
    sheet.columns |= {f"{row['title']} {row['id']}": row["id"] for row in rows}
    return {row["title"]: await sheet.contents(f"{row['title']} {row['id']}") for row in rows}


# --- where rows and columns go ---------------------------------------------------------------------------------------


async def test_columns_are_found_by_title_and_new_ones_are_added_at_the_end(
    sheet: Sheet, files: Path, workers: Workers
) -> None:
    (files / "list.csv").write_text("b,New,A\n1,2,3\n4,5,6\n", encoding="utf-8")
    await workers.start(IMPORT)
    task = await ended(sheet.db, await start_import(sheet, "list.csv"))
    assert (task["status"], json.loads(task["output"])) == ("completed", {"rows": 2, "columns": 3})
    assert await columns(sheet) == {"A": ["3", "6"], "B": ["1", "4"], "New": ["2", "5"]}
    positions = await sheet.db.fetch("select title from sheet_columns order by position")
    assert [row["title"] for row in positions] == ["A", "B", "New"]


async def test_a_column_that_fills_itself_in_is_never_written_to(sheet: Sheet, files: Path, workers: Workers) -> None:
    await sheet.derive("Up", ["A"])
    (files / "list.csv").write_text("A,Up\none,theirs\n", encoding="utf-8")
    await workers.start(IMPORT, TRANSFORM)
    await start_import(sheet, "list.csv")
    await all_ended(sheet.db)
    assert await sheet.contents("Up") == ["ONE"]
    plain = "select content from sheet_cells where title = 'Up' and column_id <> $1"
    assert await sheet.db.fetchval(plain, sheet.columns["Up"]) == "theirs"


async def test_rows_go_below_the_last_row_and_what_depends_on_them_is_computed(
    sheet: Sheet, files: Path, workers: Workers
) -> None:
    await sheet.derive("Up", ["A"])
    await sheet.write("A", 5, "five")
    (files / "list.csv").write_text("A\nsix\nseven\n", encoding="utf-8")
    await workers.start(IMPORT, TRANSFORM)
    await start_import(sheet, "list.csv")
    await all_ended(sheet.db)
    assert [await sheet.content("Up", row) for row in (5, 6, 7)] == ["FIVE", "SIX", "SEVEN"]


async def test_imported_cells_are_audited_with_task_and_run(sheet: Sheet, files: Path, workers: Workers) -> None:
    (files / "list.csv").write_text("A,B\none,\n", encoding="utf-8")
    await workers.start(IMPORT)
    task_id = await start_import(sheet, "list.csv")
    await ended(sheet.db, task_id)
    (event,) = await sheet.edits("A", 1)
    assert (event["old_content"], event["new_content"], event["edit_type"]) == (None, "one", "import")
    assert (event["task_id"], event["run_no"], event["sql_user"]) == (task_id, 1, None)
    assert await sheet.edits("B", 1) == []


async def test_a_workbook_is_imported_as_a_csv_file_is(sheet: Sheet, files: Path, workers: Workers) -> None:
    with Workbook(str(files / "list.xlsx")) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["A", "B"])
        page.write_row(1, 0, ["text", 12.5])
    await workers.start(IMPORT)
    await ended(sheet.db, await start_import(sheet, "list.xlsx"))
    assert await columns(sheet) == {"A": ["text"], "B": ["12.5"]}


@pytest.mark.usefixtures("four_rows_a_chunk")
async def test_rows_without_any_text_leave_gaps_wherever_a_chunk_ends(
    sheet: Sheet, files: Path, workers: Workers
) -> None:
    """Row numbers follow the file: they do not depend on how it was cut."""
    texts = ["a", "", "c", "", "e", "", "", "", "i"]
    (files / "list.csv").write_text("A,B\n" + "".join(f"{text},\n" for text in texts), encoding="utf-8")
    await workers.start(IMPORT)
    await ended(sheet.db, await start_import(sheet, "list.csv"))
    cells = await sheet.db.fetch("select row_number, content from cells where content is not null order by 1")
    assert [tuple(cell) for cell in cells] == [(1, "a"), (3, "c"), (5, "e"), (9, "i")]
    assert await sheet.db.fetchval("select count(*) from cell_edit_events") == 4


# --- chunks ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("four_rows_a_chunk")
async def test_progress_is_visible_in_the_task_while_it_runs(
    sheet: Sheet, files: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Stop(monkeypatch, after=3)  # the columns, then two chunks
    await workers.start(IMPORT)
    task_id = await start_import(sheet, numbered(files / "list.csv", 10))
    await asyncio.wait_for(stop.reached.wait(), 20)
    task = await task_row(sheet.db, task_id)
    progress = json.loads(task["output"])
    assert (task["status"], progress["rows_done"], progress["rows_total"]) == ("processing", 8, 10)
    assert await sheet.db.fetchval("select count(*) from cells") == 16
    stop.go.set()
    task = await ended(sheet.db, task_id)
    assert json.loads(task["output"]) == {"rows": 10, "columns": 2}


@pytest.mark.usefixtures("four_rows_a_chunk")
@pytest.mark.parametrize("after", [1, 2, 3])
async def test_a_run_that_dies_between_chunks_is_followed_by_one_that_goes_on(
    sheet: Sheet, files: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    stop = Stop(monkeypatch, after)
    first = await workers.start(IMPORT)
    task_id = await start_import(sheet, numbered(files / "list.csv", 10))
    await asyncio.wait_for(stop.reached.wait(), 20)
    await first.vanish()
    stop.go.set()
    await sheet.db.fetch("select * from rowmill.reap($1, 500)", first.worker_id)
    await workers.start(IMPORT)
    task = await ended(sheet.db, task_id)
    assert (task["status"], task["run_no"], task["crashes"]) == ("completed", 2, 1)
    landed = await columns(sheet)
    assert landed["Name"] == [f"r{row}" for row in range(1, 11)]
    assert landed["Number"] == [str(row) for row in range(1, 11)]
    runs = await sheet.db.fetch("select run_no from cell_edit_events group by run_no order by run_no")
    assert [row["run_no"] for row in runs] == ([2] if after == 1 else [1, 2])


async def test_a_process_killed_between_chunks_loses_and_doubles_no_row(
    sheet: Sheet, files: Path, workers: Workers
) -> None:
    settings = {"domains": "workers.spreadsheets", "files_dir": str(files)}
    killed = await workers.spawn(**settings)
    rows = 8_000
    task_id = await start_import(sheet, numbered(files / "list.csv", rows))
    done = "select (output ->> 'rows_done')::int > 0 from task_queue where id = $1"
    await until(lambda: sheet.db.fetchval(done, task_id), what="the first chunk")
    killed.signal(signal.SIGKILL)
    await killed.wait()
    assert (await task_row(sheet.db, task_id))["status"] == "processing"
    await sheet.db.fetch("select * from rowmill.reap($1, 500)", killed.worker_id)
    await workers.start(IMPORT)
    task = await ended(sheet.db, task_id)
    assert (task["status"], task["run_no"]) == ("completed", 2)
    assert (await columns(sheet))["Number"] == [str(row) for row in range(1, rows + 1)]
    assert await sheet.db.fetchval("select count(*) from cell_edit_events") == 2 * rows


async def test_an_import_that_is_cancelled_while_its_thread_reads_is_cancelled(
    sheet: Sheet, files: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowFile(monkeypatch)
    await workers.start(IMPORT)
    task_id = await start_import(sheet, numbered(files / "list.csv", 10))
    await until(lambda: asyncio.to_thread(slow.reading.is_set), what="the reading thread")
    await sheet.db.execute("select cancel_task($1)", task_id)
    task = await ended(sheet.db, task_id)
    slow.go.set()
    assert (task["status"], task["attempts"], task["run_no"]) == ("cancelled", 1, 1)
    assert task["error_message"] == "cancelled by request"
    assert await sheet.db.fetchval("select count(*) from cells") == 0


@pytest.mark.usefixtures("four_rows_a_chunk")
async def test_an_import_does_not_go_on_in_another_file_of_the_same_name(
    sheet: Sheet, files: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Stop(monkeypatch, after=2)  # the columns, then a chunk
    first = await workers.start(IMPORT)
    task_id = await start_import(sheet, numbered(files / "list.csv", 10))
    await asyncio.wait_for(stop.reached.wait(), 20)
    await first.vanish()
    stop.go.set()
    numbered(files / "list.csv", 10, prefix="s")
    await sheet.db.fetch("select * from rowmill.reap($1, 500)", first.worker_id)
    await workers.start(IMPORT)
    task = await ended(sheet.db, task_id)
    assert (task["status"], task["run_no"]) == ("failed", 2)
    assert task["error_message"] == (
        "the file has changed since row 4 was imported; import it anew with a new task, after deleting the rows that "
        "are already in the sheet"
    )
    assert (await columns(sheet))["Name"] == ["r1", "r2", "r3", "r4"]


@pytest.mark.usefixtures("four_rows_a_chunk")
async def test_two_imports_into_one_sheet_at_once_lose_nothing(sheet: Sheet, files: Path, workers: Workers) -> None:
    """They interleave by chunks; both want the same new columns, and one of them then finds the other's."""
    for _ in range(2):
        await workers.start(IMPORT)
    ids = [await start_import(sheet, numbered(files / f"{prefix}.csv", 41, prefix)) for prefix in "xy"]
    tasks = [await ended(sheet.db, task_id) for task_id in ids]
    assert [task["status"] for task in tasks] == ["completed"] * 2
    landed = await columns(sheet)
    assert sorted(landed) == ["A", "B", "Name", "Number"]
    for prefix in "xy":
        own = [name for name in landed["Name"] if name is not None and name.startswith(prefix)]
        assert own == [f"{prefix}{row}" for row in range(1, 42)]
    pairs = zip(landed["Name"], landed["Number"], strict=True)
    assert all(name is not None and name[1:] == number for name, number in pairs)


# --- what cannot be imported -----------------------------------------------------------------------------------------


UNREADABLE: dict[str, tuple[bytes | None, str]] = {
    "missing.csv": (None, "missing.csv does not exist; check the name"),
    "empty.csv": (b"", "empty.csv is empty; it needs at least a header"),
    "binary.csv": (bytes(range(1, 32)) * 50, "binary.csv is neither text nor a workbook; save it as CSV or XLSX"),
    "broken.xlsx": (b"PK\x03\x04 and no more", "broken.xlsx is not a sound workbook"),
    "../outside.csv": (None, "is not a name inside the folder; use a plain name such as contacts.csv"),
    "/etc/passwd": (None, "is not a name inside the folder; use a plain name such as contacts.csv"),
    "Blobs/a.csv": (None, "lies in a folder that Rowmill keeps for itself; use another one"),
    "workspaces/a.csv": (None, "lies in a folder that Rowmill keeps for itself; use another one"),
    ".": (None, "leads out of the folder; put the file itself there"),
}


async def test_a_file_that_cannot_be_read_fails_at_once_with_a_sentence(
    sheet: Sheet, files: Path, workers: Workers
) -> None:
    (files.parent / "outside.csv").write_text("A\n1\n", encoding="utf-8")
    await workers.start(IMPORT)
    for file, (content, told) in UNREADABLE.items():
        if content is not None:
            (files / file).write_bytes(content)
        task = await ended(sheet.db, await start_import(sheet, file))
        assert (file, task["status"], task["attempts"]) == (file, "failed", 1)
        assert told in task["error_message"]
    assert await columns(sheet) == {"A": [], "B": []}


async def test_mails_and_blobs_are_no_files_of_payloads_wherever_they_are_kept(
    sheet: Sheet, files: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWMILL_MAIL_DIR", str(files / "sent"))
    monkeypatch.setenv("ROWMILL_BLOB_URL", f"file://{files}/kept/blobs")
    await workers.start(IMPORT)
    for place in ("sent", "kept/blobs"):
        (files / place).mkdir(parents=True)
        (files / place / "1.csv").write_text("A\n1\n", encoding="utf-8")
        task = await ended(sheet.db, await start_import(sheet, f"{place}/1.csv"))
        assert (task["status"], "keeps for itself" in task["error_message"]) == ("failed", True)
    monkeypatch.setenv("ROWMILL_MAIL_DIR", str(files.parent))  # around the files: what lies there is no mail
    (files / "kept" / "1.csv").write_text("A\n1\n", encoding="utf-8")
    assert (await ended(sheet.db, await start_import(sheet, "kept/1.csv")))["status"] == "completed"


async def test_a_link_that_leads_out_of_the_folder_is_refused(sheet: Sheet, files: Path, workers: Workers) -> None:
    (files.parent / "outside.csv").write_text("A\n1\n", encoding="utf-8")
    (files / "link.csv").symlink_to(files.parent / "outside.csv")
    await workers.start(IMPORT)
    task = await ended(sheet.db, await start_import(sheet, "link.csv"))
    assert (task["status"], "leads out of the folder" in task["error_message"]) == ("failed", True)


async def test_a_file_of_a_header_alone_makes_its_columns_and_no_row(
    sheet: Sheet, files: Path, workers: Workers
) -> None:
    (files / "header.csv").write_text("A,New\n", encoding="utf-8")
    await workers.start(IMPORT)
    task = await ended(sheet.db, await start_import(sheet, "header.csv"))
    assert (task["status"], json.loads(task["output"])) == ("completed", {"rows": 0, "columns": 2})
    assert await columns(sheet) == {"A": [], "B": [], "New": []}


async def test_a_sheet_that_is_not_there_fails_at_once(sheet: Sheet, files: Path, workers: Workers) -> None:
    await workers.start(IMPORT)
    name = numbered(files / "list.csv", 1)
    for missing in (uuid4(), sheet.id):
        if missing == sheet.id:
            await sheet.db.execute("update spreadsheets set deleted_at = now()")
        task = await ended(sheet.db, await start_import(sheet, name, missing))
        assert (task["status"], task["attempts"]) == ("failed", 1)
        assert task["error_message"] == f"there is no spreadsheet {missing}; create it first"
