"""What a made draft becomes: effects with the documented documents."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from core import Row
from workers.deals.effects import AddVersion, SaveDraft
from workers.deals.model import MAX_BODY, Metadata, Validation
from workers.deals.rules.drafting import Drafted

NO_TEXT: Final = "the drafter gave an empty text"


def unfit(made: Drafted) -> str | None:
    """Why a text cannot be kept."""
    if not made.body.strip():
        return NO_TEXT
    if len(made.body) > MAX_BODY:
        return f"the drafter gave {len(made.body):,} characters; a mail may have {MAX_BODY:,}"
    return None


def not_drafted(mail: Row) -> str | None:
    """Why no reply is drafted to this mail."""
    if mail["direction"] != "inbound":
        return "the mail is one of ours"
    if mail["deleted_at"] is not None:
        return "its deal is deleted"
    return None


def saved(mail: Row, made: Drafted, validation: Validation, now: datetime) -> SaveDraft:
    return SaveDraft(
        deal_id=mail["deal_id"],
        inbound_email_id=mail["email_id"],
        body=made.body,
        confidence=made.confidence,
        reasoning=made.reasoning.document(),
        metadata=metadata(made, now),
        validation=validation.document(),
    )


def another(draft_id: int, made: Drafted, validation: Validation, prompt: str, now: datetime) -> AddVersion:
    return AddVersion(
        draft_id=draft_id,
        body=made.body,
        confidence=made.confidence,
        reasoning=made.reasoning.document(),
        metadata=metadata(made, now),
        validation=validation.document(),
        prompt=prompt,
    )


def metadata(made: Drafted, now: datetime) -> dict[str, object]:
    told = Metadata.model_validate({"model": made.model, "tokensUsed": made.tokens, "generatedAt": now})
    return told.document()
