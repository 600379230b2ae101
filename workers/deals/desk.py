"""What a person does with deals, mails and drafts: read, decide by a pure rule, apply as one command.

HTTP and the command line hand in how to read and to apply, in whose name, and which workspaces that person sees."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from core import Effect, Row
from workers.deals import adapter
from workers.deals.effects import (
    AddDeal,
    AddSpace,
    ChangeDeal,
    ChangeSpace,
    DismissEmail,
    FileEmail,
    PlaceSpace,
    RecheckDraft,
    TakeIn,
)
from workers.deals.grounds import facts_for, validated
from workers.deals.model import DealsRefused, NotThere, Validation, WrongState
from workers.deals.rules import commands

Read = Callable[..., Awaitable[Sequence[Any]]]  # rows of a named statement
Apply = Callable[..., Awaitable[Any]]
DRAFT: Final = "email_drafts"


@dataclass(frozen=True, slots=True)
class Desk:
    """One person at work. Every act is one command and stands in the audit with `by`."""

    read: Read
    apply: Apply
    by: str
    visible: list[UUID] | None = None

    # --- drafts ---

    async def draft(self, draft_id: int) -> Any:
        """The draft as a page shows it. Raises NotThere."""
        rows = await self.read("whole_draft", draft_id=draft_id, visible=self.visible)
        if not rows:
            raise NotThere(f"there is no draft {draft_id}, or it is not yours to see; check the id")
        return rows[0]

    async def approve(self, draft_id: int, version: int, override: str | None = None) -> Any:
        """Checks the text against what the database says now, and approves it."""
        row = await self._fresh(draft_id)
        validation = await self._checked(row, row["final_body"])
        return await self._apply("approve", row, version, commands.approve(row, self.by, validation, override))

    async def check(self, draft_id: int, version: int) -> Any:
        """Checks a pending draft again, for example after its space was corrected."""
        row = await self._fresh(draft_id)
        if row["status"] != "pending":
            raise WrongState(f"draft {draft_id} is {row['status']}; only a pending one is checked again", row["status"])
        validation = await self._checked(row, row["final_body"])
        return await self._apply("check", row, version, [RecheckDraft(draft_id, validation.document())])

    async def edit(self, draft_id: int, version: int, body: str) -> Any:
        row = await self._fresh(draft_id)
        text = body.replace("\r\n", "\n").strip()
        return await self._apply(
            "edit", row, version, commands.edit(row, text, self.by, await self._checked(row, text))
        )

    async def switch(self, draft_id: int, version: int, to_version: int) -> Any:
        row = await self._fresh(draft_id)
        validation = await self._checked(row, commands.version_body(row, to_version))
        return await self._apply("switch", row, version, commands.switch(row, to_version, validation))

    async def regenerate(self, draft_id: int, version: int, instruction: str) -> Any:
        row = await self._fresh(draft_id)
        return await self._apply("regenerate", row, version, commands.regenerate(row, instruction, self.by))

    async def archive(self, draft_id: int, version: int, reason: str) -> Any:
        row = await self._fresh(draft_id)
        return await self._apply("archive", row, version, commands.archive(row, self.by, reason))

    async def restore(self, draft_id: int, version: int) -> Any:
        row, shown = await self._fresh(draft_id), await self.draft(draft_id)
        return await self._apply("restore", row, version, commands.restore(row, self.by, has_other=shown["has_other"]))

    async def send(self, draft_id: int, version: int) -> Any:
        row = await self._fresh(draft_id)
        mail = (await self._rows("mail_to_send", draft_id=draft_id))[0]
        return await self._apply("send", row, version, commands.send(mail, adapter.sender(), uuid4().hex))

    async def resolve(self, draft_id: int, version: int, *, arrived: bool) -> Any:
        row = await self._fresh(draft_id)
        mail = (await self._rows("mail_to_send", draft_id=draft_id))[0]
        return await self._apply("resolve", row, version, commands.resolve(mail, arrived=arrived, by=self.by))

    async def _fresh(self, draft_id: int) -> Any:
        await self.draft(draft_id)
        return (await self._rows("draft", draft_id=draft_id))[0]

    async def _checked(self, draft: Row, body: str) -> Validation:
        [mail] = await self._rows("email_to_answer", email_id=draft["inbound_email_id"])
        return await validated(self._rows, body, await facts_for(self._rows, mail), draft["now"])

    async def _rows(self, name: str, **keys: Any) -> Sequence[Any]:
        return await self.read(name, **{key: [value] for key, value in keys.items()})

    async def _apply(self, verb: str, draft: Row, version: int, effects: Sequence[Effect]) -> Any:
        seen = {(DRAFT, draft["draft_id"]): version}
        return await self.apply(f"deals.{verb}", effects, seen=seen, workspace_id=draft["workspace_id"])

    # --- deals and spaces ---

    async def deal(self, deal_id: int) -> Any:
        rows = await self.read("whole_deal", deal_id=deal_id, visible=self.visible)
        if not rows or rows[0]["deleted_at"] is not None:
            raise NotThere(f"there is no deal {deal_id}, or it is not yours to see; check the id")
        return rows[0]

    async def space(self, space_id: int) -> Any:
        rows = await self.read("whole_space", space_id=space_id, visible=self.visible)
        if not rows:
            raise NotThere(f"there is no space {space_id}, or it is not yours to see; check the id")
        return rows[0]

    async def fitting(self, deal_id: int | None, needs: Sequence[str], most: int) -> Sequence[Any]:
        """Spaces that have what is needed, of a deal as well where one is named. Raises NotThere."""
        if deal_id is not None:
            await self.deal(deal_id)
        wanted = {"deal_id": deal_id, "needs": commands.flags(needs), "most": most}
        return await self.read("find_spaces", visible=self.visible, **wanted)

    async def add_deal(self, columns: Mapping[str, Any], workspace_id: UUID | None = None) -> Any:
        place = (await self.workspace(workspace_id))["id"]
        drawn = (await self.read("next_deal_id", one=1))[0]["id"]
        return await self.apply("deals.add_deal", [AddDeal(drawn, place, **columns)], workspace_id=place)

    async def change_deal(
        self, deal_id: int, version: int, columns: Mapping[str, Any], *, deleted: bool = False
    ) -> Any:
        """What is not named stays as it is."""
        row = await self.deal(deal_id)
        names = ("seeker_name", "seeker_email", "company_name", "team_size", "monthly_budget", "stage")
        whole = (
            {name: row[name] for name in names}
            | {"requirements": commands.document(row["requirements"])}
            | dict(columns)
        )
        seen = {("deals", deal_id): version}
        change = ChangeDeal(deal_id, deleted=deleted, **whole)
        return await self.apply("deals.change_deal", [change], seen=seen, workspace_id=row["workspace_id"])

    async def place_space(self, deal_id: int, space_id: int, status: str) -> Any:
        deal, space = await self.deal(deal_id), await self.space(space_id)
        if deal["workspace_id"] != space["workspace_id"]:
            raise DealsRefused(f"space {space_id} is of another workspace than deal {deal_id}; choose one of its own")
        effect = PlaceSpace(deal_id, space_id, status)
        return await self.apply("deals.place_space", [effect], workspace_id=deal["workspace_id"])

    async def add_space(self, columns: Mapping[str, Any], workspace_id: UUID | None = None) -> Any:
        place = (await self.workspace(workspace_id))["id"]
        drawn = (await self.read("next_space_id", one=1))[0]["id"]
        return await self.apply("deals.add_space", [AddSpace(drawn, place, **columns)], workspace_id=place)

    async def change_space(self, space_id: int, version: int, columns: Mapping[str, Any]) -> Any:
        row = await self.space(space_id)
        plain = ("name", "address", "neighborhood", "host_company", "host_email", "host_context", "monthly_rate")
        documents = ("amenities", "availability", "detailed_amenities")
        whole = {name: row[name] for name in plain} | {name: commands.document(row[name]) for name in documents}
        seen = {("spaces", space_id): version}
        change = ChangeSpace(space_id, **(whole | dict(columns)))
        return await self.apply("deals.change_space", [change], seen=seen, workspace_id=row["workspace_id"])

    # --- mails ---

    async def workspace(self, workspace_id: UUID | None) -> Any:
        rows = await self.read("workspace_for", workspace_id=workspace_id, visible=self.visible)
        if not rows:
            raise NotThere("there is no such workspace, or it is not yours; name one that you are a member of")
        return rows[0]

    async def inbound(self, raw: bytes, source: str, workspace_id: UUID | None = None) -> TakeIn:
        """A mail's bytes as what is kept of it. Raises MailUnreadable."""
        place = await self.workspace(workspace_id)
        return await adapter.read_inbound(raw, place["id"], source, place["now"])

    async def take_in(self, mail: TakeIn) -> Any:
        """Keeps it. The same mail has the same id and changes nothing."""
        return await self.apply("deals.take_in", [mail], workspace_id=mail.workspace_id)

    async def _unassigned(self, inbound_id: UUID) -> Any:
        rows = await self.read("unassigned_mail", inbound_id=inbound_id, visible=self.visible)
        if not rows:
            raise NotThere(f"there is no mail {inbound_id}, or it is not yours to see; list them with unassigned")
        if rows[0]["email_id"] is not None:
            raise WrongState(f"the mail {inbound_id} is on a thread already; look at its deal", "filed")
        return rows[0]

    async def dismiss(self, inbound_id: UUID) -> Any:
        """Takes a mail off the unassigned list: it belongs to no deal. It is kept, and may still be assigned."""
        mail = await self._unassigned(inbound_id)
        if mail["unassigned_reason"] is None:
            raise WrongState(f"the mail {inbound_id} is not on the unassigned list", "dismissed")
        seen = {("inbound_emails", inbound_id): mail["version"]}
        return await self.apply(
            "deals.dismiss", [DismissEmail(inbound_id)], seen=seen, workspace_id=mail["workspace_id"]
        )

    async def assign(self, inbound_id: UUID, deal_id: int) -> Any:
        """Puts a mail of the unassigned list on the thread of a deal."""
        mail = await self._unassigned(inbound_id)
        deal = await self.deal(deal_id)
        if deal["workspace_id"] != mail["workspace_id"]:
            raise DealsRefused(f"the mail is of another workspace than deal {deal_id}; choose one of its own")
        effect = FileEmail(inbound_id, deal_id, f"by {self.by}", wants_draft=not mail["automatic"])
        seen = {("inbound_emails", inbound_id): mail["version"]}
        return await self.apply("deals.assign", [effect], seen=seen, workspace_id=mail["workspace_id"])
