"""`rowmill deals`: list, show, add, change, delete, receive, assign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import cyclopts
import orjson
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import DataDir, Json, console, counted, moment, pairs, print_json, table
from workers.deals.adapter import MailUnreadable
from workers.deals.cli.shared import DealId, From, Limit, Needs, SpaceId, User, at_desk, entry_of, plain, say
from workers.deals.desk import Desk
from workers.deals.entries import DealChanges, NewDeal, PlaceStatus, Stage, columns_of
from workers.deals.rules import commands

COLUMNS: Final = ("id", "company", "client", "team", "budget", "needs", "stage", "to review")
MAILS: Final = ("id", "from", "subject", "received", "why", "may be")
Files = Annotated[Path, Parameter(name="FILE", help="Mails as .eml files.")]

app = cyclopts.App(name="deals", help="Deals and mails that come in: list, show, add, receive, assign, measure.")
app.command("workers.deals.cli.measuring:measure", name="measure", help="How well the check of drafts finds mistakes.")


@app.command(name="list")
def list_deals(
    *,
    needs: Needs = (),
    stage: Stage | None = None,
    limit: Limit = 50,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List deals, for example `rowmill deals list --needs parking`."""
    values = {"visible": None, "needs": commands.flags(needs), "stage": stage, "before": None, "most": limit}
    rows = at_desk(data_dir, None, lambda desk: desk.read("list_deals", **values))
    if as_json:
        print_json({"deals": [plain(row, "requirements") for row in rows]})
        return
    console().print(table(counted(len(rows), "deal"), COLUMNS, map(_cells, rows), whole=("id", "stage")))


def _cells(row: Any) -> tuple[object, ...]:
    needs = ", ".join(name for name, value in orjson.loads(row["requirements"]).items() if value is True)
    client = f"{row['seeker_name']} <{row['seeker_email']}>"
    budget = f"${row['monthly_budget']:,}"
    return row["id"], row["company_name"], client, row["team_size"], budget, needs, row["stage"], row["to_review"]


@app.command
def show(deal_id: DealId, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show a deal with its thread, its spaces and its drafts."""
    row = at_desk(data_dir, None, lambda desk: desk.deal(deal_id))
    whole = plain(row, "requirements", "thread", "spaces", "drafts")
    if as_json:
        print_json(whole)
        return
    out = console()
    names = ("company_name", "seeker_name", "seeker_email", "team_size", "monthly_budget", "stage", "requirements")
    out.print(pairs((name.replace("_", " "), whole[name]) for name in names))
    out.print(table("spaces", ("id", "name", "status", "rate"), _spaces(whole["spaces"])))
    mails = (
        (each["id"], each["direction"], each["from"], each["subject"], each["sent_at"]) for each in whole["thread"]
    )
    out.print(table("thread", ("id", "way", "from", "subject", "at"), mails))
    drafts = ((each["id"], each["status"], each["validation"]) for each in whole["drafts"])
    out.print(table("drafts", ("id", "status", "check"), drafts))


def _spaces(spaces: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [(each["id"], each["name"], each["status"], f"${each['monthly_rate']:,}") for each in spaces]


@app.command
def add(file: From, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Add a deal from a JSON file, as POST /api/deals takes it."""
    entry = entry_of(file, NewDeal, "deal")
    columns = columns_of(entry, "workspace_id")
    answer = at_desk(data_dir, user, lambda desk: desk.add_deal(columns, entry.workspace_id))
    made = int(next(iter(answer.versions["deals"])))
    say(f"added deal {made}", {"id": made}, as_json=as_json)


@app.command
def change(
    deal_id: DealId, file: From, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """Change what a JSON file names of a deal, for example {"stage": "closed"}, as POST /api/deals/ID takes it."""
    columns = columns_of(entry_of(file, DealChanges, "change of a deal"))
    _changed(deal_id, columns, "changed", user, data_dir, as_json=as_json)


@app.command
def delete(deal_id: DealId, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Take a deal out of the lists; nothing more is sent for it. Its mails and drafts stay in the tables."""
    _changed(deal_id, {}, "deleted", user, data_dir, as_json=as_json)


def _changed(
    deal_id: int, columns: dict[str, Any], done: str, user: str | None, data_dir: Path | None, *, as_json: bool
) -> None:
    async def work(desk: Desk) -> Any:
        version = (await desk.deal(deal_id))["version"]
        return await desk.change_deal(deal_id, version, columns, deleted=done == "deleted")

    version = at_desk(data_dir, user, work).version(("deals", deal_id))
    say(f"deal {deal_id} is {done}", {"id": deal_id, "version": version}, as_json=as_json)


@app.command
def place(
    deal_id: DealId,
    space_id: SpaceId,
    /,
    *,
    status: PlaceStatus = "shown",
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Say how far a space has come in a deal: shown, interested, touring, rejected or selected."""
    at_desk(data_dir, user, lambda desk: desk.place_space(deal_id, space_id, status))
    say(f"space {space_id} is {status} in deal {deal_id}", {"deal": deal_id, "space": space_id}, as_json=as_json)


@app.command
def receive(*files: Files, user: User = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Take in mails (.eml). A worker puts each on its thread and drafts the reply; the same mail twice is one."""

    async def take_in(desk: Desk) -> dict[str, str]:
        taken: dict[str, str] = {}
        for file in files:
            mail = await desk.inbound(_bytes(file), "cli")
            await desk.take_in(mail)
            taken[str(file)] = str(mail.inbound_id)
        return taken

    try:
        taken = at_desk(data_dir, user, take_in)
    except MailUnreadable as error:
        raise RowmillError(str(error)) from error
    say(f"took in {counted(len(taken), 'mail')}; see `rowmill drafts list`", {"mails": taken}, as_json=as_json)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RowmillError(f"{file} cannot be read ({error.strerror}); name an .eml file") from error


@app.command
def unassigned(*, limit: Limit = 50, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List mails that fit no deal or several, with the reason."""
    rows = at_desk(data_dir, None, lambda desk: desk.read("list_unassigned", visible=None, after=None, most=limit))
    if as_json:
        print_json({"mails": [plain(row, "candidates") for row in rows]})
        return
    cells = (
        (
            row["id"],
            row["from_address"],
            row["subject"],
            moment(row["received_at"]),
            row["unassigned_reason"],
            row["candidates"],
        )
        for row in rows
    )
    console().print(table(counted(len(rows), "mail"), MAILS, cells, whole=("id",)))


@app.command
def assign(
    mail_id: Annotated[UUID, Parameter(name="MAIL", help="The id of a mail of the unassigned list.")],
    deal_id: DealId,
    /,
    *,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Put a mail of the unassigned list on the thread of a deal, and have a reply drafted."""
    at_desk(data_dir, user, lambda desk: desk.assign(mail_id, deal_id))
    say(f"the mail is on the thread of deal {deal_id}", {"mail": str(mail_id), "deal": deal_id}, as_json=as_json)


@app.command
def dismiss(
    mail_id: Annotated[UUID, Parameter(name="MAIL", help="The id of a mail of the unassigned list.")],
    /,
    *,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Take a mail off the unassigned list: it belongs to no deal. It is kept, and may still be assigned."""
    at_desk(data_dir, user, lambda desk: desk.dismiss(mail_id))
    say("the mail is off the list, and kept", {"mail": str(mail_id)}, as_json=as_json)
