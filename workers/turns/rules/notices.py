"""What people are told about turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workers.turns.model import AddNotice

ROLE_OF: Final = {"DFO_APPROVAL_NEEDED": "DFO_APPROVER", "HO_APPROVAL_NEEDED": "HO_APPROVER"}


def asked_to_approve(turn: Mapping[str, Any], status: str, approvers: Sequence[Mapping[str, Any]]) -> list[AddNotice]:
    """A notice for each who may approve."""
    told = f"The turn {turn['turn_id']} of {turn['amount']} waits for your approval."
    version = turn["turn_version"]
    return [
        AddNotice(turn["workspace_id"], turn["turn"], each["user_id"], status.lower(), version, told)
        for each in approvers
    ]


def overdue(rows: Sequence[Mapping[str, Any]]) -> list[AddNotice]:
    """A notice for each manager of a turn that should be complete."""
    return [
        AddNotice(
            row["workspace_id"],
            row["turn"],
            row["user_id"],
            "overdue",
            row["turn_version"],
            f"The turn {row['turn_id']} was expected to be complete on {row['expected']}.",
        )
        for row in rows
    ]
