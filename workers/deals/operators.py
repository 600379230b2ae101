"""Thin: read, decide by a pure rule, return what to write; an outside call stands between intent and receipt."""

from __future__ import annotations

import asyncio
from typing import Any

from core import Backoff, Cancel, Done, Fail, Outcome, Retry, Row, Snooze, Task, operator
from workers.deals import adapter
from workers.deals.effects import BeginDelivery, CompleteDelivery, MoveDelivery, UncountRegeneration
from workers.deals.grounds import Rows, facts_for, validated
from workers.deals.model import (
    DEFAULT_WORKSPACE,
    DealsRefused,
    GenerateDraft,
    NotChecked,
    PollMailbox,
    ReceiveEmail,
    RegenerateDraft,
    SendDraft,
    WrongState,
    require_changeable,
)
from workers.deals.rules import commands, decisions, inbound, outgoing
from workers.deals.rules.drafting import Drafted
from workers.deals.rules.outgoing import Answer

PATIENT = Backoff(base_s=5.0, limit_s=600.0)  # with language models and mail servers


@operator("deals.receive_email", payload=ReceiveEmail, concurrency=20)
async def receive_email(task: Task[ReceiveEmail]) -> Outcome:
    """Puts a mail on its thread, or on the unassigned list. The writer enqueues the draft with it."""
    wanted = task.payload.inbound_id
    names = ("inbound_email", "deals_of_thread", "open_deals_of_sender")
    mails, of_thread, of_sender = await asyncio.gather(*(task.read(name, wanted) for name in names))
    if not mails:
        return Cancel("there is no such mail")
    effects, told = inbound.placed(mails[0], of_thread, of_sender)
    return Done(effects, output=told)


@operator(
    "deals.generate_draft", payload=GenerateDraft, concurrency=10, retry=PATIENT, run_timeout_s=300, max_attempts=5
)
async def generate_draft(task: Task[GenerateDraft]) -> Outcome:
    """Drafts a reply to a mail and checks it. A mail that has a draft keeps it."""
    mails = await task.read("email_to_answer", task.payload.email_id)
    if not mails:
        return Cancel("there is no such mail")
    mail = mails[0]
    if reason := decisions.not_drafted(mail):
        return Cancel(reason)
    if mail["draft_id"] is not None:
        return Done(output={"known": True, "draft_id": mail["draft_id"]})
    facts = await facts_for(_rows(task), mail)
    made = await _made(task, adapter.Wanted(facts))
    if not isinstance(made, Drafted):
        return made
    validation = await validated(_rows(task), made.body, facts, task.now)
    told = {"validation": validation.status, "confidence": made.confidence, "model": made.model}
    return Done([decisions.saved(mail, made, validation, task.now)], output=told)


@operator("deals.regenerate_draft", payload=RegenerateDraft, concurrency=10, retry=PATIENT, run_timeout_s=300)
async def regenerate_draft(task: Task[RegenerateDraft]) -> Outcome:
    """Writes a further version. What was counted for it is given back where nothing comes of it."""
    draft_id = task.payload.draft_id
    drafts = await task.read("draft", draft_id)
    if not drafts:
        return Cancel("there is no such draft")
    draft = drafts[0]
    if not task.payload.counted:
        return _counted(draft, task.payload)
    try:
        require_changeable(draft_id, draft["status"], draft["delivery"])
    except WrongState as reason:
        await task.commit([UncountRegeneration(draft_id, str(reason))])
        return Cancel(str(reason))
    mail = (await task.read("email_to_answer", draft["inbound_email_id"]))[0]
    facts = await facts_for(_rows(task), mail)
    made = await _made(task, adapter.Wanted(facts, task.payload.instruction, draft["final_body"]))
    if not isinstance(made, Drafted):
        if isinstance(made, Fail):
            await task.commit([UncountRegeneration(draft_id, made.reason)])
        return made
    validation = await validated(_rows(task), made.body, facts, task.now)
    effect = decisions.another(draft_id, made, validation, task.payload.instruction, task.now)
    return Done([effect], output={"validation": validation.status, "confidence": made.confidence})


def _counted(draft: Row, wanted: RegenerateDraft) -> Outcome:
    """Asked for by plain SQL: it counts like any other, and its own task follows."""
    try:
        require_changeable(wanted.draft_id, draft["status"], draft["delivery"])
        return Done(commands.regenerate(draft, wanted.instruction, wanted.by))
    except DealsRefused as reason:
        return Cancel(str(reason))


def _rows(task: Task[Any]) -> Rows:
    return lambda name, **keys: task.read(name, *keys.values())


async def _made(task: Task[Any], wanted: adapter.Wanted) -> Drafted | Outcome:
    """A text that can be kept, or how the task goes on without one."""
    try:
        made = await adapter.drafter().draft(wanted, task.take)
    except adapter.ModelBusy as busy:
        if (limit := adapter.model_limit()) and busy.asked:
            await task.hold_off(limit, busy.seconds, str(busy))
        return Snooze(max(busy.seconds, 1.0), str(busy))
    except adapter.ModelRefused as reason:
        return Fail(str(reason))
    except adapter.ModelFailed as reason:
        return _later(task, str(reason))
    problem = decisions.unfit(made)
    return made if problem is None else _later(task, problem)


def _later(task: Task[Any], reason: str, after_s: float | None = None) -> Outcome:
    """Another try, or the end where there was the last one."""
    return Fail(reason) if task.attempts >= task.max_attempts else Retry(reason, after_s)


@operator("deals.send_draft", payload=SendDraft, concurrency=4, retry=PATIENT, run_timeout_s=200, max_attempts=5)
async def send_draft(task: Task[SendDraft]) -> Outcome:
    """Sends an approved draft once. The intent is committed before the server is called, its answer when it comes: a
    run that finds an intent without an answer does not know what became of the mail, and leaves it to a person."""
    draft_id = task.payload.draft_id
    if task.concurrency_key != outgoing.key_of(draft_id):  # by a producer that did not know: one at a time
        return Done([outgoing.task_for(draft_id)])
    mails = await task.read("mail_to_send", draft_id)
    if not mails:
        return Cancel("there is no such draft")
    mail = mails[0]
    if reason := adapter.why_nothing_leaves():
        return Fail(reason)
    if mail["delivery"] == "sending" and (answer := await _left_by_an_earlier_run(task, mail)):
        return await _settled(task, mail, answer)
    return await _handed_over(task, mail)


async def _handed_over(task: Task[SendDraft], mail: Row) -> Outcome:
    draft_id = task.payload.draft_id
    try:
        outgoing.require_sendable(mail)
    except (WrongState, NotChecked) as refusal:
        return Cancel(str(refusal))
    if not outgoing.is_open(mail):
        await task.commit([outgoing.opened(mail, adapter.sender(), task.id.hex)])
    await task.commit([BeginDelivery(draft_id)])
    mail = (await task.read("mail_to_send", draft_id))[0]
    if mail["delivery"] != "sending":  # its approval was withdrawn a moment ago
        return Cancel(f"draft {draft_id} was changed; it is {mail['status']} now, and nothing was sent")
    answer = await _asked(mail)
    await task.commit([], progress=answer.kept(mail))
    return await _settled(task, mail, answer)


async def _left_by_an_earlier_run(task: Task[SendDraft], mail: Row) -> Answer | None:
    """What became of a mail whose run died after its intent; None: it has not left, and may go now."""
    if answer := Answer.of(task.progress, mail):
        return answer
    left = await adapter.has_sent(mail["message_id"])
    if left is False:
        return None
    if left:
        return Answer("sent", "it had left before the run that sent it ended")
    return Answer("uncertain", "the run that sent it ended before an answer was kept")


async def _asked(mail: Row) -> Answer:
    try:
        return Answer("sent", await adapter.send(mail))
    except adapter.MailUncertain as unknown:
        return Answer("uncertain", str(unknown))
    except adapter.MailRefused as reason:
        return Answer("refused", str(reason))
    except adapter.MailNotNow as reason:
        return Answer("ready", str(reason))


async def _settled(task: Task[SendDraft], mail: Row, answer: Answer) -> Outcome:
    """The delivery as the server's answer leaves it."""
    draft_id = mail["draft_id"]
    if answer.state == "sent":
        told = {"state": "sent", "message_id": mail["message_id"], "reply": answer.words}
        return Done([CompleteDelivery(draft_id, outgoing.ai_metadata(mail), answer.words)], told)
    if answer.state == "uncertain":
        return Done([MoveDelivery(draft_id, "uncertain", answer.words)], {"state": "uncertain", "reason": answer.words})
    final = answer.state == "refused" or task.attempts >= task.max_attempts
    await task.commit([MoveDelivery(draft_id, "refused" if final else "ready", answer.words)])
    return Fail(answer.words) if final else Retry(answer.words)


@operator("deals.poll_mailbox", payload=PollMailbox, concurrency=1, retry=PATIENT, run_timeout_s=300)
async def poll_mailbox(task: Task[PollMailbox]) -> Outcome:
    """Takes in what is new, commits it, and only then marks it as seen: a run that dies in between finds it again, and
    a mail that is known changes nothing."""
    workspace_id = task.workspace_id or DEFAULT_WORKSPACE
    if workspace_id != adapter.mailbox_workspace():
        return Cancel("the mailbox is another workspace's; ROWMILL_MAILBOX_WORKSPACE says whose")
    try:
        polled = await adapter.poll(task.payload.most, workspace_id, task.now)
        if polled is None:
            return Cancel("no mailbox is named; set ROWMILL_MAILBOX_URL")
        await task.commit(polled.mails)
        await adapter.settle(polled)
    except adapter.MailboxUnreachable as reason:
        return _later(task, str(reason))
    return Done(output={"mails": len(polled.mails), "left_for_a_person": len(polled.left)})
