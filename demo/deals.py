"""The part of the deals: five mails come in, replies are drafted and checked, a person approves, each leaves once."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
from aiosmtpd.controller import Controller
from rich.console import Console
from rich.table import Table

from core.cli.acting import Acting
from core.db.connect import Connection, Slots
from core.queue.fleet import Fleet
from core.settings import PROJECT, Settings
from demo.deals_data import DEALS, LIE, MAILS, SPACES, eml
from demo.part import Asked, Told
from demo.play import DemoFailed
from workers.deals.desk import Desk
from workers.deals.entries import NewDeal, NewSpace, columns_of
from workers.deals.model import NotChecked

PACKAGE: Final = "workers.deals"
PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.05


@dataclass
class Inbox:
    """What has arrived at the mail server of the demo."""

    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 kept"


def perform(asked: Asked) -> Told:
    """Takes five mails in, drafts, stops one that contradicts the facts, sends the others and reads them back."""
    folder = PROJECT / "out" / asked.run_name
    folder.mkdir(parents=True, exist_ok=True)
    with asked.database(PACKAGE) as dsn, mail_server() as (inbox, port):
        figures = asyncio.run(_played(dsn, folder, inbox, port))
    if not asked.quiet:
        _report(figures)
    return Told(bool(figures["holds"]), figures)


@contextmanager
def mail_server() -> Iterator[tuple[Inbox, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield inbox, port
    finally:
        controller.stop()


async def _played(dsn: str, folder: Path, inbox: Inbox, port: int) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "rowmill demo"})
    slots = Slots(dsn, Settings(), "demo", 2)
    with (folder / "deals-workers.log").open("wb") as output:
        fleet = _fleet(dsn, port, output)
        running = asyncio.create_task(fleet.run())
        try:
            return await _story(connection, await _desk(connection, slots), inbox)
        finally:
            fleet.stop()
            await running
            await slots.close()
            await connection.close()


def _fleet(dsn: str, port: int, output: Any) -> Fleet:
    def command(worker_id: str) -> list[str]:
        return [sys.executable, "-m", "core.cli", "work", "--worker-id", worker_id, "--parent-pid", str(os.getpid())]

    environment = os.environ | {
        "ROWMILL_DOMAINS": PACKAGE,
        "ROWMILL_DATABASE_URL": dsn,
        "ROWMILL_MAIL_URL": f"smtp://127.0.0.1:{port}?tls=none",
        "ROWMILL_MAIL_FROM": "Rowmill <agent@rowmill.example>",
    }
    environment.pop("ROWMILL_LLM_URL", None)  # the demo writes the same drafts everywhere
    return Fleet(dsn, Settings(), 1, command, environment, output)


async def _desk(connection: Connection, slots: Slots) -> Desk:
    user_id: UUID = await connection.fetchval(
        "insert into users (email, first_name) values ('demo@rowmill.invalid', 'Demo') returning id"
    )
    person = Acting(slots, PACKAGE, user_id, "demo@rowmill.invalid")
    return Desk(person.read, person.apply, person.email, None)


async def _story(connection: Connection, desk: Desk, inbox: Inbox) -> dict[str, Any]:
    started = time.monotonic()
    await _furnish(desk)
    for at in range(len(MAILS)):
        for _ in range(2):  # the same mail once more: it is known
            await desk.take_in(await desk.inbound(eml(at), "cli"))
    await _until_done(connection)
    drafts = {row["seeker_email"] + row["inbound_subject"]: row["id"] for row in await _drafts(desk)}
    wrong = drafts["ines@halyard.exampleRent"]
    await desk.edit(wrong, (await desk.draft(wrong))["version"], LIE)
    stopped, told = 0, ""
    for draft_id in drafts.values():
        try:
            await desk.approve(draft_id, (await desk.draft(draft_id))["version"])
        except NotChecked as reason:
            stopped, told = stopped + 1, str(reason)
            continue
        await desk.send(draft_id, (await desk.draft(draft_id))["version"])
    await _until_done(connection)
    return await _proven(connection, inbox, started, stopped, told)


async def _furnish(desk: Desk) -> None:
    for each in SPACES:
        await desk.add_space(columns_of(NewSpace.model_validate(each), "workspace_id"))
    for each in DEALS:
        answer = await desk.add_deal(columns_of(NewDeal.model_validate(each), "workspace_id"))
        deal_id = int(next(iter(answer.versions["deals"])))
        for space_id in range(1, len(SPACES) + 1):
            await desk.place_space(deal_id, space_id, "shown")


async def _drafts(desk: Desk) -> list[Any]:
    values = {"visible": None, "status": "pending", "deal_id": None, "used_space": None, "before": None, "most": 50}
    return sorted(await desk.read("list_drafts", **values), key=lambda row: row["id"])


async def _until_done(connection: Connection) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while await connection.fetchval("select exists (select from task_queue where status in ('pending', 'processing'))"):
        if time.monotonic() > deadline:
            raise DemoFailed(f"the mails of the demo are not done after {PATIENCE_S:g} s; look at its worker log")
        await asyncio.sleep(LOOK_S)


async def _proven(connection: Connection, inbox: Inbox, started: float, stopped: int, told: str) -> dict[str, Any]:
    """What arrived is what the database says was sent: each text once, and nothing else."""
    rows = await connection.fetch("select message_id, \"to\", subject, body from emails where direction = 'outbound'")
    kept = {row["message_id"]: (row["to"], row["subject"], row["body"].strip()) for row in rows}
    arrived = [(str(mail["Message-ID"]), _told(mail)) for mail in inbox.mails]
    lost = [message_id for message_id, what in kept.items() if (message_id, what) not in arrived]
    doubled = len(arrived) - len({message_id for message_id, _ in arrived})
    lied = sum("$5,000" in mail.get_content() for mail in inbox.mails)
    unassigned = await connection.fetchval("select count(*) from inbound_emails where unassigned_reason is not null")
    drafts = await connection.fetchval("select count(*) from email_drafts")
    sent = await connection.fetchval("select count(*) from email_drafts where status = 'sent'")
    audited = await connection.fetchval("select count(*) from audit_events where entity = 'draft'")
    right = (drafts, sent, len(arrived), stopped, unassigned) == (4, 3, 3, 1, 1)
    return {
        "mails_in": len(MAILS),
        "drafts": drafts,
        "stopped_by_the_check": stopped,
        "unassigned": unassigned,
        "sent": sent,
        "arrived": len(arrived),
        "lost": len(lost),
        "doubled": doubled,
        "audit_rows": audited,
        "seconds": round(time.monotonic() - started, 2),
        "why_stopped": told,
        "holds": right and not lost and not doubled and not lied,
    }


def _told(mail: EmailMessage) -> tuple[str, str, str]:
    return str(mail["To"]), str(mail["Subject"]), mail.get_content().replace("\r\n", "\n").strip()


def _report(figures: dict[str, Any]) -> None:
    console = Console()
    table = Table(
        title="Five mails come in, replies are drafted, checked, approved, sent", show_header=False, min_width=52
    )
    for name, value in figures.items():
        if name not in {"holds", "why_stopped"}:
            table.add_row(name.replace("_", " "), f"{value:,}")
    console.print(table)
    console.print(f"stopped: {figures['why_stopped']}", highlight=False, markup=False, soft_wrap=True)
    ending = "[green]Every mail left once." if figures["holds"] else "[red]The promise was broken; see above."
    console.print(ending)
