"""`rowmill drafts`: what is to be reviewed, and everything that may be done with it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import cyclopts
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import DataDir, Json, console, counted, moment, pairs, print_json, table, text
from workers.deals.cli.shared import DraftId, User, at_desk, plain, say
from workers.deals.desk import DRAFT, Desk

COLUMNS: Final = ("id", "deal", "company", "answers", "check", "confidence", "status", "delivery", "made")
DOCUMENTS: Final = ("reasoning", "metadata", "validation", "draft_versions")
Status = Literal["pending", "approved", "sent", "archived"]
app = cyclopts.App(name="drafts", help="Drafts of replies: review, approve, edit, write anew, send, archive.")


@app.command(name="list")
def list_drafts(
    *,
    status: Status = "pending",
    deal: int | None = None,
    limit: int = 50,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List drafts: those to review unless another status is asked for."""
    values = {"visible": None, "status": status, "deal_id": deal, "before": None, "most": limit}
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
    """Show a draft with the mail it answers and what the check found."""
    whole = plain(at_desk(data_dir, None, lambda desk: desk.draft(draft_id)), *DOCUMENTS)
    if as_json:
        print_json(whole)
        return
    out = console()
    names = (
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


Act = Callable[[Desk, int], Awaitable[Any]]


def _acted(draft_id: int, act: Act, done: str, user: str | None, data_dir: Path | None, *, as_json: bool) -> None:
    """On the version that the draft has now: nobody has looked at an older one here."""

    async def work(desk: Desk) -> Any:
        return await act(desk, (await desk.draft(draft_id))["version"])

    version = at_desk(data_dir, user, work).version((DRAFT, draft_id))
    say(f"draft {draft_id} {done}", {"id": draft_id, "version": version}, as_json=as_json)


@app.command
def approve(
    draft_id: DraftId,
    /,
    *,
    override: Annotated[str | None, Parameter(help="Why one that failed the check is approved all the same.")] = None,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Approve the text of a draft, after another check."""

    def act(desk: Desk, version: int) -> Awaitable[Any]:
        return desk.approve(draft_id, version, override)

    _acted(draft_id, act, "is approved", user, data_dir, as_json=as_json)


@app.command
def check(draft_id: DraftId, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Check a pending draft against what the database says now."""
    _acted(draft_id, lambda desk, version: desk.check(draft_id, version), "is checked", user, data_dir, as_json=as_json)


@app.command
def edit(
    draft_id: DraftId,
    file: Annotated[Path, Parameter(name="FILE", help="The whole new text; - reads it from stdin.")],
    /,
    *,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Give a draft another text. It is a version of its own, and pending again."""
    body = _text(file)

    def act(desk: Desk, version: int) -> Awaitable[Any]:
        return desk.edit(draft_id, version, body)

    _acted(draft_id, act, "has a new text and is pending", user, data_dir, as_json=as_json)


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RowmillError(f"{file} cannot be read ({type(error).__name__}); name a text file") from error


@app.command
def regenerate(
    draft_id: DraftId,
    instruction: Annotated[str, Parameter(name="INSTRUCTION", help="What is to be different.")],
    /,
    *,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Have a draft written anew: three times, then 24 hours later again."""

    def act(desk: Desk, version: int) -> Awaitable[Any]:
        return desk.regenerate(draft_id, version, instruction)

    _acted(draft_id, act, "will be written anew", user, data_dir, as_json=as_json)


@app.command
def switch(
    draft_id: DraftId,
    to_version: Annotated[int, Parameter(name="VERSION", help="The version that becomes the active one.")],
    /,
    *,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make another version the active one. It is checked, and pending again."""

    def act(desk: Desk, version: int) -> Awaitable[Any]:
        return desk.switch(draft_id, version, to_version)

    _acted(draft_id, act, f"has version {to_version} and is pending", user, data_dir, as_json=as_json)


@app.command
def send(draft_id: DraftId, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Send an approved draft, once. A worker does it; `rowmill drafts show` tells what became of it."""
    _acted(
        draft_id, lambda desk, version: desk.send(draft_id, version), "will be sent", user, data_dir, as_json=as_json
    )


@app.command
def resolve(
    draft_id: DraftId,
    became: Annotated[Literal["arrived", "lost"], Parameter(name="BECAME", help="What you found out.")],
    /,
    *,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Say what became of a mail whose answer was lost: it arrived, or it was lost and may be sent again."""

    def act(desk: Desk, version: int) -> Awaitable[Any]:
        return desk.resolve(draft_id, version, arrived=became == "arrived")

    _acted(draft_id, act, f"is resolved: {became}", user, data_dir, as_json=as_json)


@app.command
def archive(
    draft_id: DraftId,
    /,
    *,
    reason: str = "",
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Take a draft out of the lists, whatever its state. Nothing is deleted."""

    def act(desk: Desk, version: int) -> Awaitable[Any]:
        return desk.archive(draft_id, version, reason)

    _acted(draft_id, act, "is archived", user, data_dir, as_json=as_json)


@app.command
def restore(draft_id: DraftId, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Bring an archived draft back to what it was."""
    _acted(draft_id, lambda desk, version: desk.restore(draft_id, version), "is back", user, data_dir, as_json=as_json)
