"""What people do with drafts: rows in, effects out, or a refusal with the next step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from core import Effect, Enqueue, Row
from workers.deals.effects import (
    AddVersion,
    ApproveDraft,
    ArchiveDraft,
    CompleteDelivery,
    CountRegeneration,
    MoveDelivery,
    RestoreDraft,
    SwitchVersion,
)
from workers.deals.model import (
    MAX_VERSIONS,
    DealsRefused,
    NotChecked,
    NotThere,
    TooManyRegenerations,
    Validation,
    WrongState,
    require_changeable,
    require_verb,
)
from workers.deals.rules import outgoing

MOST: Final = 3
COOLDOWN: Final = timedelta(hours=24)


def approve(draft: Row, by: str, validation: Validation, override: str | None) -> list[Effect]:
    """Of the text that stands in the row; the check was made just now."""
    require_verb(draft["draft_id"], draft["status"], "approve")
    if validation.status == "failed" and not override:
        first = validation.issues[0] if validation.issues else "it contradicts the database"
        more = f" (and {len(validation.issues) - 1} more)" if len(validation.issues) > 1 else ""
        raise NotChecked(
            f"draft {draft['draft_id']} failed the check: {first}{more}; "
            "correct it, or approve it with an override and its reason"
        )
    reason = override if validation.status == "failed" else None
    body_sha256 = outgoing.sha256_of(draft["final_body"])
    return [ApproveDraft(draft["draft_id"], by, body_sha256, validation.document(), reason)]


def edit(draft: Row, body: str, by: str, validation: Validation) -> list[Effect]:
    """Another text by a person: a version of its own, pending again."""
    _require_room(draft)
    if body == draft["final_body"]:
        raise DealsRefused(f"draft {draft['draft_id']} has this very text already; change something, or leave it")
    return [
        AddVersion(
            draft_id=draft["draft_id"],
            body=body,
            confidence=draft["confidence_score"],
            reasoning=json.loads(draft["reasoning"] or "{}"),
            metadata=json.loads(draft["metadata"] or "{}"),
            validation=validation.document(),
            edited_by=by,
        )
    ]


def version_body(draft: Row, to_version: int) -> str:
    """The text of a version. Raises NotThere."""
    require_changeable(draft["draft_id"], draft["status"], draft["delivery"])
    versions = json.loads(draft["draft_versions"] or "[]")
    if not 0 <= to_version < len(versions):
        raise NotThere(
            f"draft {draft['draft_id']} has the versions 0 to {len(versions) - 1}, and no {to_version}; choose one"
        )
    if to_version == draft["current_version"]:
        raise DealsRefused(
            f"version {to_version} of draft {draft['draft_id']} is the active one already; choose another"
        )
    return str(versions[to_version]["body"])


def switch(draft: Row, to_version: int, validation: Validation) -> list[Effect]:
    return [SwitchVersion(draft["draft_id"], to_version, validation.document())]


def regenerate(draft: Row, instruction: str, by: str) -> list[Effect]:
    """Counts one of three and asks for it; 24 hours after the third the count begins anew, by the database's clock."""
    draft_id = draft["draft_id"]
    _require_room(draft)
    last: datetime | None = draft["last_regeneration_at"]
    if draft["regeneration_count"] >= MOST and last is not None and draft["now"] < last + COOLDOWN:
        again = last + COOLDOWN
        raise TooManyRegenerations(
            f"draft {draft_id} was written anew {MOST} times, which is the most, and then 24 hours must pass; "
            f"try again at {again:%Y-%m-%d %H:%M} UTC (in {_spoken(again - draft['now'])}), or edit it by hand"
        )
    payload = {"draft_id": draft_id, "instruction": instruction, "by": by, "counted": True}
    return [
        CountRegeneration(draft_id, instruction, by),
        Enqueue("deals.regenerate_draft", payload, concurrency_key=f"draft {draft_id}"),
    ]


def archive(draft: Row, by: str, reason: str) -> list[Effect]:
    require_verb(draft["draft_id"], draft["status"], "archive")
    return [ArchiveDraft(draft["draft_id"], by, reason)]


def restore(draft: Row, by: str, *, has_other: bool) -> list[Effect]:
    """Back to what it was before, unless its mail has got another draft meanwhile."""
    require_verb(draft["draft_id"], draft["status"], "restore")
    if has_other:
        raise WrongState(
            f"the mail of draft {draft['draft_id']} has another draft now; archive that one first", draft["status"]
        )
    return [RestoreDraft(draft["draft_id"], by)]


def send(mail: Row, sender: str, token: str) -> list[Effect]:
    """Opens the delivery and asks for it. One that is on its way already is only asked for again: if its run died, the
    next one says so."""
    outgoing.require_sendable(mail)
    opening: Sequence[Effect] = () if outgoing.is_open(mail) else (outgoing.opened(mail, sender, token),)
    return [*opening, outgoing.task_for(mail["draft_id"])]


def resolve(mail: Row, *, arrived: bool, by: str) -> list[Effect]:
    """What a person found out about a mail whose answer was lost."""
    if mail["delivery"] != "uncertain":
        state = mail["delivery"] or "not begun"
        raise WrongState(
            f"the delivery of draft {mail['draft_id']} is {state}, and nothing is to be resolved; look at it", state
        )
    if arrived:
        return [CompleteDelivery(mail["draft_id"], outgoing.ai_metadata(mail), "a person says that it arrived", by)]
    return [MoveDelivery(mail["draft_id"], "ready", "a person says that it did not arrive", by)]


def _require_room(draft: Row) -> None:
    require_changeable(draft["draft_id"], draft["status"], draft["delivery"])
    if len(json.loads(draft["draft_versions"] or "[]")) >= MAX_VERSIONS:
        raise DealsRefused(f"draft {draft['draft_id']} has {MAX_VERSIONS} versions; archive it and start anew")


def _spoken(left: timedelta) -> str:
    minutes = max(1, round(left.total_seconds() / 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004 - an hour


def document(text: Any) -> Any:
    """A jsonb column as a plain value."""
    return json.loads(text) if isinstance(text, str) else text


def flags(names: Sequence[str]) -> str:
    """`{"parking": true}`: what a document must contain."""
    return json.dumps(dict.fromkeys(names, True))
