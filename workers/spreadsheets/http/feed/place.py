"""Where somebody stands in the feed of a sheet, and the token that says so. Pure.

A place is a snapshot of PostgreSQL: what it did not see is still to come. In the middle of a backlog it is two, the
one we come from and the one we are catching up to, and the last change that was given: what lies between two
snapshots is a fixed set, so any process can go on from there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final
from uuid import UUID

FIRST: Final = UUID(int=0)
TOKEN_LIMIT: Final = 6000  # characters; a snapshot names each transaction that was under way
TOKEN_S: Final = 24 * 3600  # who was away for longer reads the sheet anew: that is cheaper than a day of changes

_SNAPSHOT = r"\d{1,19}:\d{1,19}:[\d,]*"
_TOKEN = re.compile(
    rf"(?P<epoch>[0-9a-f]{{12}})\.(?P<at>\d{{1,12}})\.(?P<since>{_SNAPSHOT})"
    rf"(?:\.(?P<upto>{_SNAPSHOT})\.(?P<xact>\d{{1,19}})\.(?P<id>[0-9a-f]{{32}}))?"
)


class TokenVoid(ValueError):
    """One cannot go on from this token; the message says why. The way on is to read the sheet anew."""


@dataclass(frozen=True, slots=True)
class Place:
    """`epoch` names the history of transactions that the snapshots are of; `at` is the database's time in seconds."""

    spreadsheet_id: UUID
    epoch: str
    since: str
    upto: str | None = None
    after_xact: str = "0"
    after_id: UUID = FIRST
    at: int = field(default=0, compare=False)

    @property
    def token(self) -> str:
        token = f"{self.epoch}.{self.at}.{self.since}"
        return token if self.upto is None else f"{token}.{self.upto}.{self.after_xact}.{self.after_id.hex}"

    def moved(self, upto: str, at: int) -> Place:
        """Everything up to this snapshot was given."""
        return Place(self.spreadsheet_id, self.epoch, since=upto, at=at)

    def paused(self, upto: str, after_xact: str, after_id: UUID, at: int) -> Place:
        """On the way to this snapshot; everything up to this change was given."""
        return replace(self, upto=upto, after_xact=after_xact, after_id=after_id, at=at)


def place_of(token: str, spreadsheet_id: UUID) -> Place:
    """The place behind a token that some client sent. Raises TokenVoid."""
    found = _TOKEN.fullmatch(token) if len(token) <= TOKEN_LIMIT else None
    if found is None or not all(_sound(found[name]) for name in ("since", "upto") if found[name]):
        raise TokenVoid("this is no token of the feed; read the sheet anew")
    place = Place(spreadsheet_id, found["epoch"], found["since"], at=int(found["at"]))
    return place if found["upto"] is None else place.paused(found["upto"], found["xact"], UUID(found["id"]), place.at)


def require_valid(place: Place, epoch: str, xmax: str, now: int) -> None:
    """Raises TokenVoid for a place of another history, from the future, or too old."""
    newest = max(_xmax(place.since), _xmax(place.upto or place.since))
    if place.epoch != epoch or newest > int(xmax):
        raise TokenVoid("the database was restored or moved since; read the sheet anew")
    if now - place.at > TOKEN_S:
        raise TokenVoid(f"this token is older than {TOKEN_S // 3600} hours; read the sheet anew")


def _sound(snapshot: str) -> bool:
    """What PostgreSQL's own input function asks of a snapshot."""
    low, high, listed = snapshot.split(":")
    under_way = [int(each) for each in listed.split(",") if each]
    bounds = 0 < int(low) <= int(high) < 2**63 and all(int(low) <= each < int(high) for each in under_way)
    return bounds and all(one < other for one, other in pairwise(under_way)) and ",".join(map(str, under_way)) == listed


def _xmax(snapshot: str) -> int:
    return int(snapshot.split(":")[1])
