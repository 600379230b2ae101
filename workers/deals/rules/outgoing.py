"""The mail that goes out for a draft, and what its delivery allows next."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core import Enqueue, Row
from workers.deals.effects import OpenDelivery
from workers.deals.model import AiMetadata, NotChecked, Reasoning, WrongState
from workers.deals.rules.threads import references_of

MAX_SUBJECT: Final = 900
_RE: Final = re.compile(r"^(?:\s*(?:re|aw|sv)\s*(?:\[\d+\])?:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a mail: `state` is sent, refused, uncertain or ready (not now, perhaps later)."""

    state: str
    words: str

    def kept(self, mail: Row) -> dict[str, Any]:
        """As a task keeps it, with the try that it is about."""
        return {"state": self.state, "words": self.words, "tries": mail["tries"]}

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None, mail: Row) -> Answer | None:
        """None where it is about an earlier try, or another task's."""
        return cls(kept["state"], kept["words"]) if kept and kept["tries"] == mail["tries"] else None


def key_of(draft_id: int) -> str:
    """Tasks that send one draft follow each other: only so an intent without a receipt is one of a dead run."""
    return f"deals.send {draft_id}"


def task_for(draft_id: int) -> Enqueue:
    """The task that sends it; one live is enough."""
    key = key_of(draft_id)
    return Enqueue("deals.send_draft", {"draft_id": draft_id}, dedupe_key=key, concurrency_key=key, max_attempts=5)


def subject_of(inbound: str) -> str:
    """`Re: ` once, on one line."""
    plain = _RE.sub("", " ".join(inbound.split()))
    return f"Re: {plain}"[:MAX_SUBJECT].rstrip()


def sha256_of(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def opened(mail: Row, sender: str, token: str) -> OpenDelivery:
    """The delivery of an approved draft. `token` makes its Message-ID one of a kind."""
    domain = sender.rpartition("@")[2].rstrip("> ") or "rowmill.invalid"
    return OpenDelivery(
        draft_id=mail["draft_id"],
        message_id=f"<deals-{mail['draft_id']}-{token}@{domain}>",
        sender=sender,
        recipient=mail["seeker_email"],
        subject=subject_of(mail["inbound_subject"]),
        body=mail["final_body"],
        body_sha256=mail["approved_sha256"],
        in_reply_to=mail["inbound_message_id"],
        reference_ids=references_of(
            mail["inbound_message_id"], mail["inbound_in_reply_to"], _list(mail["inbound_reference_ids"])
        ),
    )


def require_sendable(mail: Row) -> None:
    """Raises WrongState or NotChecked unless this very text was approved, and nothing of it is under way."""
    draft_id, status = mail["draft_id"], mail["status"]
    if status != "approved":
        raise WrongState(f"draft {draft_id} is {status}; only an approved draft is sent", status)
    if mail["deleted_at"] is not None:
        raise WrongState(f"the deal of draft {draft_id} is deleted; nothing more is sent for it", "deleted")
    if mail["delivery"] == "uncertain":
        raise WrongState(
            f"nobody knows whether draft {draft_id} has been sent; find out, and say it with resolve", "uncertain"
        )
    if mail["approved_sha256"] != sha256_of(mail["final_body"]):
        raise NotChecked(f"the text of draft {draft_id} is not the one that was approved; approve it again")


def is_open(mail: Row) -> bool:
    """Whether a delivery of this text is ready or on its way."""
    return mail["delivery"] in {"ready", "sending"} and mail["body_sha256"] == mail["approved_sha256"]


def ai_metadata(mail: Row) -> dict[str, Any]:
    """What the sent mail's row tells of how it came to be."""
    reasoning = Reasoning.model_validate_json(mail["reasoning"] or "{}")
    validation = json.loads(mail["validation"] or "{}")
    looked_up = [
        {
            "question": each.question,
            "source": f"email {each.source_email_id}" if each.source_email_id else "database",
            "answer": each.answer,
        }
        for each in reasoning.questions_addressed
    ]
    found = {
        "confidence": mail["confidence_score"],
        "reasoning": {
            "schedulingLogic": reasoning.scheduling_logic,
            "dataLookups": looked_up or None,
            "needsHumanReview": validation.get("issues") or None,
        },
    }
    return AiMetadata.model_validate(found).document()


def _list(text: Any) -> Sequence[str]:
    found = json.loads(text) if isinstance(text, str) else text
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
