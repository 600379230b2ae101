"""The headers that keep a thread together (RFC 5322, 3.6.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LONGEST: Final = 20


def references_of(message_id: str | None, in_reply_to: str | None, references: Sequence[str]) -> tuple[str, ...]:
    """The References of an answer: those of the mail it answers, then that mail. Its first one always stays."""
    before = list(references) or ([in_reply_to] if in_reply_to else [])
    whole = list(dict.fromkeys([*before, *([message_id] if message_id else [])]))
    return tuple(whole if len(whole) <= LONGEST else [whole[0], *whole[-(LONGEST - 1) :]])
