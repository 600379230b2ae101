"""Which tasks are meant: the same options for listing, retrying and cancelling."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter, Token

from core.queue.inspect import matching

Status = Literal["pending", "processing", "waiting", "completed", "failed", "cancelled"]
UNITS: Final = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def past_of(_kind: object, tokens: Sequence[Token]) -> datetime:
    """A time with its zone from what a person writes; without a zone it is the time of this machine; `2h` is ago.

    Raises ValueError with the forms that are understood.
    """
    return _moment(tokens[0].value.strip(), -1)


def future_of(_kind: object, tokens: Sequence[Token]) -> datetime:
    """The same, where `2h` is in two hours."""
    return _moment(tokens[0].value.strip(), 1)


def _moment(written: str, direction: int) -> datetime:
    try:
        away = length(written)
        found = datetime.fromisoformat(written) if away is None else datetime.now(UTC) + direction * away
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{written!r} is no time; write 2026-01-31, '2026-01-31 14:00', 2026-01-31T14:00+02:00, or 90s, 15m, 2h, 7d"
        ) from None


def length(written: str) -> timedelta | None:
    """How long `2h`, `90s`, `7d` is; None where it is nothing of the kind."""
    found = re.fullmatch(r"(\d+) ?([a-z]+)", written)
    if found is None or found[2] not in UNITS:
        return None
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def _has_a_value(_kind: object, values: Sequence[str]) -> None:
    for each in values:
        if not each.partition("=")[0] or "=" not in each:
            raise ValueError(f"{each!r} is no payload field; write name=value")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Tasks that meet all that is given."""

    type: Annotated[
        str | None, Parameter(name="--type", help="Task type; * and ? stand for others, as in 'spreadsheets.*'.")
    ] = None
    status: Annotated[
        tuple[Status, ...],
        Parameter(name="--status", consume_multiple=True, negative="", show_default=False, help="One or more."),
    ] = ()
    key: Annotated[str | None, Parameter(name="--key", help="The concurrency_key.")] = None
    error: Annotated[str | None, Parameter(name="--error", help="Text in the error message, in any case.")] = None
    since: Annotated[
        datetime | None,
        Parameter(name="--since", converter=past_of, help="Made at this time or later; '2h' is two hours ago."),
    ] = None
    until: Annotated[datetime | None, Parameter(name="--until", converter=past_of, help="Made before this time.")] = (
        None
    )
    field: Annotated[
        tuple[str, ...],
        Parameter(
            name="--field",
            negative="",
            show_default=False,
            validator=_has_a_value,
            help="A payload field as name=value; may be repeated.",
        ),
    ] = ()

    @property
    def given(self) -> bool:
        """Whether anything narrows the tasks."""
        return any(getattr(self, each.name) not in {None, ()} for each in fields(self))

    def values(self) -> dict[str, Any]:
        """The parameters of the statements `tasks` and `tasks.page`."""
        return matching(
            task_type=self.type,
            statuses=self.status,
            key=self.key,
            error=self.error,
            since=self.since,
            until=self.until,
            fields=self.field,
        )
