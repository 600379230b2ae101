"""`rowmill drafts`: what is to be reviewed, and everything that may be done with it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import cyclopts
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import DataDir, Json, console, counted, moment, pairs, print_json, table, text
from workers.deals.cli.shared import DraftId, Limit, OfDeal, OfSpace, User, at_desk, plain, say
from workers.deals.desk import DRAFT, Desk
from workers.deals.model import MAX_BODY

COLUMNS: Final = ("id", "deal", "company", "answers", "check", "confidence", "status", "delivery", "made")
DOCUMENTS: Final = ("reasoning", "metadata", "validation", "draft_versions")
MAX_WORDS: Final = 2000
Status = Literal["pending", "approved", "sent", "archived"]
app = cyclopts.App(name="drafts", help="Drafts of replies: review, approve, edit, write anew, send, archive.")


@app.command(name="list")
def list_drafts(
    *,
    status: Status = "pending",
    deal: OfDeal = None,
    space: OfSpace = None,
    limit: Limit = 50,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List drafts: those to review unless another status is asked for."""
    values = {"visible": None, "status": status, "deal_id": deal, "used_space": space, "before": None, "most": limit}
    rows = at_desk(data_dir, None, lambda desk: desk.read("list_drafts", **values))
    if as_json:
        print_json({"drafts": [plain(row, "validation") for row in rows]})
        return
    console().print(table(counted(len(rows), "draft"), COLUMNS, map(_cells, rows), whole=("id", "status")))


def _cells(row: Any) -> tuple[object, ...]:
    check = plain(row, "validation")["validation"] or {}
    made = moment(row["created_at"])
    company, subject = row["company_name"], row["inbound_subject"]
    confidence, status = row["confidence_score"], row["status"]
    return row["id"], row["deal_id"], company, subject, check.get("status"), confidence, status, row["delivery"], made


@app.command
def show(draft_id: DraftId, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show a draft with the mail it answers and what the check found. `--seen VERSION` of the other commands means what
    you read here."""
    whole = plain(at_desk(data_dir, None, lambda desk: desk.draft(draft_id)), *DOCUMENTS)
    if as_json:
        print_json(whole)
        return
    out = console()
    names = (
        "version",
        "status",
        "company_name",
        "confidence_score",
        "current_version",
        "reviewed_by",
        "delivery",
        "archive_reason",
    )
    out.print(pairs((name.replace("_", " "), whole[name]) for name in names))
    out.print(text(f"--- the mail\n{whole['inbound_body']}\n--- the reply\n{whole['final_body']}\n---"), soft_wrap=True)
    for issue in (whole["validation"] or {}).get("issues", ()):
        out.print(text(f"! {issue}"), soft_wrap=True)


@app.command
def history(draft_id: DraftId, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show everything that happened to a draft, with who did it."""

    async def work(desk: Desk) -> Any:
        await desk.draft(draft_id)
        return await desk.read("history_of_draft", draft_id=draft_id)

    rows = at_desk(data_dir, None, work)
    if as_json:
        print_json({"events": [plain(row, "before", "after") for row in rows]})
        return
    cells = ((moment(row["at"]), row["action"], row["by"] or "-", row["task_id"] or "-") for row in rows)
    console().print(table(counted(len(rows), "event"), ("at", "what", "by", "task"), cells, whole=("at", "what")))


@app.command
def reasons(*, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Count why drafts were archived."""
    rows = at_desk(data_dir, None, lambda desk: desk.read("archive_reasons", visible=None))
    if as_json:
        print_json({"reasons": [dict(row) for row in rows]})
        return
    cells = ((row["reason"], row["archived_from"], row["drafts"], row["mean_confidence"]) for row in rows)
    console().print(table(counted(len(rows), "reason"), ("reason", "was", "drafts", "mean confidence"), cells))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class How:
    """In whose name, and on which text."""

    user: User = None
    seen: Annotated[
        int | None,
        Parameter(help="The version that you read with `drafts show`; refused where the draft has changed since."),
    ] = None
    as_json: Json = False
    data_dir: DataDir = None


AS_IT_IS: Final = How()
Act = Callable[[Desk, int], Awaitable[Any]]


def _acted(draft_id: int, act: Act, done: str, how: How) -> None:
    """On the version that was read, or on the one that is there now."""

    async def work(desk: Desk) -> Any:
        now = (await desk.draft(draft_id))["version"]
        if how.seen not in {None, now}:
            raise RowmillError(
                f"draft {draft_id} has changed since you read it: it is in version {now}, not {how.seen}; "
                f"read it again with `rowmill drafts show {draft_id}`"
            )
        return await act(desk, now)

    version = at_desk(how.data_dir, how.user, work).version((DRAFT, draft_id))
    say(f"draft {draft_id} {done}", {"id": draft_id, "version": version}, as_json=how.as_json)


@app.command
def approve(
    draft_id: DraftId,
    /,
    *,
    override: Annotated[str | None, Parameter(help="Why one that failed the check is approved all the same.")] = None,
    how: How = AS_IT_IS,
) -> None:
    """Approve the text of a draft, after another check. Name the version you read with --seen."""
    _acted(draft_id, lambda desk, version: desk.approve(draft_id, version, override), "is approved", how)


@app.command
def check(draft_id: DraftId, /, *, how: How = AS_IT_IS) -> None:
    """Check a pending draft against what the database says now."""
    _acted(draft_id, lambda desk, version: desk.check(draft_id, version), "is checked", how)


@app.command
def edit(
    draft_id: DraftId,
    file: Annotated[Path, Parameter(name="FILE", help="The whole new text; - reads it from stdin.")],
    /,
    *,
    how: How = AS_IT_IS,
) -> None:
    """Give a draft another text. It is a version of its own, and pending again."""
    body = _text(file)
    _acted(draft_id, lambda desk, version: desk.edit(draft_id, version, body), "has a new text and is pending", how)


def _text(file: Path) -> str:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RowmillError(f"{file} cannot be read ({type(error).__name__}); name a text file") from error
    if not text.strip() or len(text) > MAX_BODY:
        raise RowmillError(f"{file} has {len(text):,} characters; a mail has 1 to {MAX_BODY:,}")
    return text


@app.command
def regenerate(
    draft_id: DraftId,
    instruction: Annotated[str, Parameter(name="INSTRUCTION", help="What is to be different.")],
    /,
    *,
    how: How = AS_IT_IS,
) -> None:
    """Have a draft written anew: three times, then 24 hours later again."""
    _require_words(instruction, "an instruction")
    _acted(draft_id, lambda desk, version: desk.regenerate(draft_id, version, instruction), "will be written anew", how)


def _require_words(words: str, what: str, fewest: int = 1) -> None:
    if not fewest <= len(words.strip()) <= MAX_WORDS:
        raise RowmillError(f"{what} has {fewest} to {MAX_WORDS:,} characters; this one has {len(words.strip()):,}")


@app.command
def switch(
    draft_id: DraftId,
    to_version: Annotated[int, Parameter(name="VERSION", help="The version that becomes the active one.")],
    /,
    *,
    how: How = AS_IT_IS,
) -> None:
    """Make another version the active one. It is checked, and pending again."""
    done = f"has version {to_version} and is pending"
    _acted(draft_id, lambda desk, version: desk.switch(draft_id, version, to_version), done, how)


@app.command
def send(draft_id: DraftId, /, *, how: How = AS_IT_IS) -> None:
    """Send an approved draft, once. A worker does it; `rowmill drafts show` tells what became of it."""
    _acted(draft_id, lambda desk, version: desk.send(draft_id, version), "will be sent", how)


@app.command
def resolve(
    draft_id: DraftId,
    became: Annotated[Literal["arrived", "lost"], Parameter(name="BECAME", help="What you found out.")],
    /,
    *,
    how: How = AS_IT_IS,
) -> None:
    """Say what became of a mail whose answer was lost: it arrived, or it was lost and may be sent again."""
    arrived = became == "arrived"
    _acted(
        draft_id, lambda desk, version: desk.resolve(draft_id, version, arrived=arrived), f"is resolved: {became}", how
    )


@app.command
def archive(draft_id: DraftId, /, *, reason: str = "", how: How = AS_IT_IS) -> None:
    """Take a draft out of the lists, whatever its state. Nothing is deleted."""
    _require_words(reason, "a reason", fewest=0)
    _acted(draft_id, lambda desk, version: desk.archive(draft_id, version, reason), "is archived", how)


@app.command
def restore(draft_id: DraftId, /, *, how: How = AS_IT_IS) -> None:
    """Bring an archived draft back to what it was."""
    _acted(draft_id, lambda desk, version: desk.restore(draft_id, version), "is back", how)
