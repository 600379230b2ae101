"""What a person's change is refused for. Each message is a sentence with the next step; HTTP answers with `status`."""

from __future__ import annotations

from typing import ClassVar

from core import RowmillError


class DealsRefused(RowmillError):
    """Base: nothing was written."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "refused"


class WrongState(DealsRefused):
    """The draft is not in a state that allows this; `state` is the one it is in."""

    status = 409
    code = "wrong_state"

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


class NotChecked(DealsRefused):
    """The draft says something that the database contradicts."""

    status = 409
    code = "failed_validation"


class TooManyRegenerations(DealsRefused):
    """The limit of regenerations, or the time to wait after it."""

    status = 429
    code = "regeneration_limit"


class NotThere(DealsRefused):
    """There is no such row, or it is not of this workspace."""

    status = 404
    code = "not_found"
