"""Who may change what: by role, by row, by column."""

from __future__ import annotations

from typing import Final

from workers.turns.model.writes import Found, Operation, Refusal
from workers.turns.rules.access import ADMINS, Person

MANAGERS: Final = frozenset({"PROPERTY_MANAGER", "SR_PROPERTY_MANAGER"})
APPROVERS: Final = frozenset({"DFO_APPROVER", "HO_APPROVER"})

COLUMNS: Final = {
    "properties": frozenset(
        """property_id name street_address city state zip_code country year_built area_sqft bedrooms bathrooms is_active
        is_core property_manager_id sr_property_manager_id""".split()  # noqa: SIM905 - words, read as such
    ),
    "vendors": frozenset({"name", "email", "phone", "trade", "is_active", "is_approved"}),
    "turn_stages": frozenset(
        """name display_order color is_amount_required is_vendor_required requires_approval is_complete_stage
        is_active""".split()  # noqa: SIM905 - the same
    ),
    "turns": frozenset(
        """turn_id property_id stage_id wo_number move_out_date turn_amount vendor_id expected_completion_date
        turn_completion_date approval_status is_active""".split()  # noqa: SIM905 - the same
    ),
}
DATES: Final = frozenset({"expected_completion_date", "turn_completion_date"})
OF_ADMINS: Final = {
    "properties": frozenset({"property_id", "is_core", "property_manager_id", "sr_property_manager_id"}),
    "vendors": frozenset({"is_approved"}),
}
OF_ROLES: Final = {
    "INSPECTOR": DATES | {"stage_id"},
    "VENDOR": DATES,
    "DFO_APPROVER": frozenset({"approval_status"}),
    "HO_APPROVER": frozenset({"approval_status"}),
}
ROW: Final = Refusal("not_yours", "this row is not yours to change; ask who manages its property")
ROLE: Final = Refusal("role", "your role may not do this; ask an administrator")


def refusal(person: Person, table: str, operation: Operation, found: Found | None) -> Refusal | None:
    """None where the person may. `found` is the row as it is; of a new turn, and of one that moves,
    the property it will belong to."""
    unknown = sorted(set(operation.values) - COLUMNS[table])
    if unknown:
        return Refusal("unknown_column", f"{table} has no column {unknown[0]} that can be written")
    if found is not None and not _in_workspace(person, found):
        return ROW
    if person.role in ADMINS:
        return None
    if person.role in MANAGERS:
        return _of_manager(person, table, operation, found)
    return _of_others(person, table, operation, found)


def _in_workspace(person: Person, found: Found) -> bool:
    return person.workspaces is None or found.workspace_id in person.workspaces


def _of_manager(person: Person, table: str, operation: Operation, found: Found | None) -> Refusal | None:
    if table == "turn_stages" or (table == "properties" and operation.kind != "update"):
        return ROLE
    if table == "vendors" and operation.kind == "delete":
        return ROLE
    forbidden = set(operation.values) & OF_ADMINS.get(table, frozenset())
    if forbidden:
        return Refusal("column", f"only an administrator sets {min(forbidden)}")
    if table != "vendors" and (found is None or person.user_id not in found.managers):
        return ROW
    return None


def _of_others(person: Person, table: str, operation: Operation, found: Found | None) -> Refusal | None:
    allowed = OF_ROLES.get(person.role)
    if table != "turns" or operation.kind != "update" or allowed is None:
        return ROLE
    forbidden = set(operation.values) - allowed
    if forbidden:
        return Refusal("column", f"your role does not set {min(forbidden)}")
    if person.role == "VENDOR" and (found is None or not found.vendor):
        return ROW
    return None
