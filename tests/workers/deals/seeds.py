"""A client, two spaces and a mail: what most tests of the domain start with, by plain INSERTs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE

SARAH: Final[dict[str, Any]] = {
    "seeker_name": "Sarah Chen",
    "seeker_email": "sarah@acme.example",
    "company_name": "Acme Robotics",
    "team_size": 12,
    "monthly_budget": 9000,
    "requirements": {"parking": True, "dogFriendly": True},
    "stage": "touring",
}
FOUNDRY: Final[dict[str, Any]] = {
    "name": "The Foundry",
    "address": "410 Mission Street",
    "neighborhood": "SoMa",
    "host_company": "Brightwork Inc",
    "host_email": "host@brightwork.example",
    "host_context": "YC W21 startup, similar stage to the client",
    "amenities": {"parking": True, "dogFriendly": True, "afterHours": True, "gym": False},
    "availability": {"tuesday": ["2pm", "4pm"], "wednesday": ["10am", "11am", "2pm"]},
    "monthly_rate": 8200,
    "detailed_amenities": {
        "parking": {"type": "building-garage", "costMonthly": 250, "spotsAvailable": 4},
        "dogPolicy": {"allowed": True, "sizeLimit": "under 40 lbs", "deposit": 300},
        "access": {
            "system": "Key card (Honeywell)",
            "costPerCard": 25,
            "hours": "7am-10pm",
            "advanceNotice": "24 hours",
        },
        "meetingRooms": {"count": 3, "sizes": [4, 6, 10], "bookingSystem": "Robin"},
        "rentInclusions": {"utilities": True, "internet": "1 Gbps fiber", "janitorial": "twice a week"},
    },
}
LOFT: Final[dict[str, Any]] = {
    "name": "Harbor Loft",
    "address": "22 Pier Avenue",
    "neighborhood": "Dogpatch",
    "host_company": "Tidewater Group",
    "host_email": "office@tidewater.example",
    "host_context": None,
    "amenities": {"parking": False, "dogFriendly": False, "afterHours": True},
    "availability": {"thursday": ["9am", "3pm"]},
    "monthly_rate": 6400,
    "detailed_amenities": {"dogPolicy": {"allowed": False, "reason": "building rule"}},
}
QUESTION: Final = """Hi,

is parking included at The Foundry, and what does it cost? Are dogs allowed?
Could we see it on Tuesday or Wednesday?

Thanks, Sarah
"""


@dataclass(frozen=True, slots=True)
class Seeded:
    deal_id: int
    foundry_id: int
    loft_id: int
    email_id: int


async def add(db: Connection, table: str, **columns: Any) -> int:
    """One row; documents as JSON."""
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join(f"${at}" for at in range(1, len(columns) + 1))
    values = [json.dumps(each) if isinstance(each, (dict, list)) else each for each in columns.values()]
    found: int = await db.fetchval(f"insert into {table} ({names}) values ({marks}) returning id", *values)
    return found


async def seed(db: Connection, workspace_id: UUID = DEFAULT_WORKSPACE, **deal: Any) -> Seeded:
    deal_id = await add(db, "deals", workspace_id=workspace_id, **{**SARAH, **deal})
    spaces = [await add(db, "spaces", workspace_id=workspace_id, **each) for each in (FOUNDRY, LOFT)]
    for space_id in spaces:
        await add(db, "deal_spaces", workspace_id=workspace_id, deal_id=deal_id, space_id=space_id, status="shown")
    email_id = await add_email(db, deal_id, workspace_id=workspace_id)
    return Seeded(deal_id, spaces[0], spaces[1], email_id)


async def add_email(db: Connection, deal_id: int, **columns: Any) -> int:
    given = {"from": SARAH["seeker_email"], "to": "agent@rowmill.example", "subject": "A few questions"}
    return await add(db, "emails", deal_id=deal_id, **{**given, "body": QUESTION, **columns})


async def add_draft(db: Connection, seeded: Seeded, body: str = "Hi Sarah,\n\nThank you.", **columns: Any) -> int:
    """A pending draft that has passed, by plain SQL."""
    about = {"model": "test", "tokensUsed": 0, "generatedAt": "2026-01-01T00:00:00Z"}
    entry = {
        "version": 0,
        "body": body,
        "prompt": None,
        "confidence": 80,
        "reasoning": {},
        "metadata": about,
        "createdAt": "2026-01-01T00:00:00Z",
    }
    given = {
        "deal_id": seeded.deal_id,
        "inbound_email_id": seeded.email_id,
        "ai_generated_body": body,
        "final_body": body,
        "confidence_score": 80,
        "reasoning": {},
        "metadata": about,
        "validation": {"status": "passed", "issues": [], "checkedAt": "2026-01-01T00:00:00Z"},
        "draft_versions": [entry],
    }
    return await add(db, "email_drafts", **{**given, **columns})


def sha256(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


async def approve(db: Connection, draft_id: int) -> None:
    """By plain SQL, as the guards allow it."""
    await db.execute(
        "update email_drafts set status = 'approved', reviewed_at = now(), reviewed_by = 'r@example.org', "
        "approved_sha256 = encode(sha256(convert_to(final_body, 'UTF8')), 'hex') where id = $1",
        draft_id,
    )


async def draft_row(db: Connection, draft_id: int) -> dict[str, Any]:
    row = await db.fetchrow("select * from email_drafts where id = $1", draft_id)
    assert row is not None
    return dict(row)
