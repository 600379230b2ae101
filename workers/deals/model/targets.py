"""What most effects aim at."""

from __future__ import annotations

from typing import ClassVar

from core import Effect


class OfDeal(Effect):
    """Base of effects under the lock of a deal."""

    __slots__ = ()
    entity: ClassVar[str | None] = "deals"
    key: ClassVar[tuple[str, ...]] = ("deal_id",)
    folds: ClassVar[bool] = False


class OfDraft(Effect):
    """Base of effects under the lock of a draft."""

    __slots__ = ()
    entity: ClassVar[str | None] = "email_drafts"
    key: ClassVar[tuple[str, ...]] = ("draft_id",)
    folds: ClassVar[bool] = False
