"""Who may follow which rows. The server's own part of every shape: a client can only narrow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

SYNCED: Final = ("properties", "turns", "vendors", "turn_stages", "audit_logs")
ACTIVE: Final = "is_active = true"
ADMINS: Final = frozenset({"SUPER_ADMIN", "ADMIN"})
SEE_ALL_PROPERTIES: Final = ADMINS | {"DFO_APPROVER", "HO_APPROVER", "INSPECTOR"}


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. `workspaces` None = all; `vendors` are those that answer to the person's address."""

    user_id: UUID
    role: str
    workspaces: tuple[UUID, ...] | None
    vendors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A condition with its parameters, in the language of shapes."""

    where: str
    params: tuple[str, ...] = ()


def part_of(person: Person, table: str) -> Part | None:
    """The rows of a table that this person may follow; None = the table is not for this person at all."""
    own = _own(person, table)
    if own is None:
        return None
    if person.workspaces is None:
        return own
    if not person.workspaces:
        return Part("false")
    first = len(own.params) + 1
    marks = ", ".join(f"${at}" for at in range(first, first + len(person.workspaces)))
    spaces = sorted(str(each) for each in person.workspaces)
    return Part(f"({own.where}) and workspace_id in ({marks})", (*own.params, *spaces))


def _own(person: Person, table: str) -> Part | None:
    """The document's shapes: properties of a manager, active turns, approved vendors, stages; the audit for admins."""
    match table:
        case "properties" if person.role not in SEE_ALL_PROPERTIES:
            return Part("property_manager_id = $1 or sr_property_manager_id = $1", (str(person.user_id),))
        case "turns" if person.role == "VENDOR":
            return _of_vendors(person.vendors)
        case "audit_logs" if person.role not in ADMINS:
            return None
    conditions = {"turns": ACTIVE, "turn_stages": ACTIVE, "vendors": f"{ACTIVE} and is_approved = true"}
    return Part(conditions.get(table, "true")) if table in SYNCED else None


def _of_vendors(vendors: Sequence[str]) -> Part:
    if not vendors:
        return Part("false")
    marks = ", ".join(f"${at}" for at in range(1, len(vendors) + 1))
    return Part(f"is_active = true and vendor_id in ({marks})", tuple(vendors))
