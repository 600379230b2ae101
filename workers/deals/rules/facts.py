"""What the database knows about a deal, as plain values: the ground that drafts stand on and are checked against.

Reads documents as they are: a missing or odd part is unknown, never an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import Row
from workers.deals.model import WEEKDAYS


@dataclass(frozen=True, slots=True)
class Space:
    """A space of the deal. `detail` is detailed_amenities; `status` how far it has come in this deal."""

    id: int
    name: str
    address: str
    neighborhood: str | None
    host_company: str
    host_email: str
    amenities: Mapping[str, bool]
    availability: Mapping[str, tuple[str, ...]]
    monthly_rate: int
    detail: Mapping[str, Any]
    status: str = "shown"
    context: str | None = None  # host_context: what to know about the host

    def of(self, *path: str) -> Any:
        """A value of the detailed amenities; None where it is not known."""
        found: Any = self.detail
        for step in path:
            if not isinstance(found, Mapping):
                return None
            found = found.get(step)
        return found

    def number(self, *path: str) -> float | None:
        found = self.of(*path)
        return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None

    def words(self, *path: str) -> str | None:
        found = self.of(*path)
        return found.strip() if isinstance(found, str) and found.strip() else None

    def flag(self, name: str, *path: str) -> bool | None:
        """The plain flag, else the detailed one; None = not known."""
        if name in self.amenities:
            return self.amenities[name]
        found = self.of(*path) if path else None
        return found if isinstance(found, bool) else None


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of the thread."""

    id: int
    from_address: str
    subject: str
    body: str
    direction: str = "inbound"


@dataclass(frozen=True, slots=True)
class Facts:
    """One deal with its spaces and its thread; `mail` is the one to answer."""

    deal_id: int
    seeker_name: str
    seeker_email: str
    company_name: str
    team_size: int
    monthly_budget: int
    requirements: Mapping[str, Any]
    mail: Mail
    spaces: tuple[Space, ...] = ()
    thread: tuple[Mail, ...] = field(default=())

    @property
    def first_name(self) -> str:
        return self.seeker_name.split()[0] if self.seeker_name.split() else self.seeker_name

    def says(self, pattern: str) -> bool:
        """Whether words of the spaces, the deal or its mails match."""
        return re.search(pattern, self._words, re.IGNORECASE) is not None

    @property
    def _words(self) -> str:
        documents = (json.dumps(dict(space.detail), ensure_ascii=False) for space in self.spaces)
        notes = (space.context for space in self.spaces if space.context)
        requirements = json.dumps(dict(self.requirements), ensure_ascii=False)
        return "\n".join((*documents, *notes, requirements, self.mail.body, *(mail.body for mail in self.thread)))

    @property
    def open_spaces(self) -> tuple[Space, ...]:
        return tuple(each for each in self.spaces if each.status != "rejected")


def facts_of(mail: Row, spaces: Sequence[Row], thread: Sequence[Row] = ()) -> Facts:
    """From the rows of `email_to_answer`, `spaces_of_deal` and `thread_of_deal`."""
    return Facts(
        deal_id=mail["deal_id"],
        seeker_name=mail["seeker_name"],
        seeker_email=mail["seeker_email"],
        company_name=mail["company_name"],
        team_size=mail["team_size"],
        monthly_budget=mail["monthly_budget"],
        requirements=_object(mail["requirements"]),
        mail=Mail(mail["email_id"], mail["from_address"], mail["subject"], mail["body"]),
        spaces=tuple(space_of(row) for row in spaces),
        thread=tuple(
            Mail(row["email_id"], row["from_address"], row["subject"], row["body"], row["direction"]) for row in thread
        ),
    )


def space_of(row: Row) -> Space:
    amenities = {name: value for name, value in _object(row["amenities"]).items() if isinstance(value, bool)}
    return Space(
        id=row["space_id"],
        name=row["name"],
        address=row["address"],
        neighborhood=row["neighborhood"],
        host_company=row["host_company"],
        host_email=row["host_email"],
        amenities=amenities,
        availability=_times(_object(row["availability"])),
        monthly_rate=row["monthly_rate"],
        detail=_object(row["detailed_amenities"]),
        status=row["status"],
        context=row.get("host_context"),
    )


def _times(found: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        day: tuple(slot for slot in found[day] if isinstance(slot, str))
        for day in WEEKDAYS
        if isinstance(found.get(day), list)
    }


def _object(text: Any) -> dict[str, Any]:
    found = json.loads(text) if isinstance(text, str) else text
    return found if isinstance(found, dict) else {}
