"""What the part of the deals starts with: three spaces, three clients, and five mails as they come in."""

from __future__ import annotations

from typing import Any, Final

SPACES: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "The Foundry",
        "address": "410 Mission Street",
        "neighborhood": "SoMa",
        "host_company": "Brightwork Inc",
        "host_email": "host@brightwork.example",
        "amenities": {"parking": True, "dogFriendly": True, "afterHours": True, "gym": False},
        "availability": {"tuesday": ["2pm", "4pm"], "wednesday": ["10am", "11am", "2pm"]},
        "monthly_rate": 8200,
        "detailed_amenities": {
            "parking": {"type": "building-garage", "costMonthly": 250, "spotsAvailable": 4},
            "dogPolicy": {"allowed": True, "sizeLimit": "under 40 lbs", "deposit": 300},
            "access": {"system": "Key card (Honeywell)", "costPerCard": 25, "hours": "7am-10pm"},
            "meetingRooms": {"count": 3, "sizes": [4, 6, 10], "bookingSystem": "Robin"},
            "rentInclusions": {"utilities": True, "internet": "1 Gbps fiber", "janitorial": "twice a week"},
        },
    },
    {
        "name": "Harbor Loft",
        "address": "22 Pier Avenue",
        "neighborhood": "Dogpatch",
        "host_company": "Tidewater Group",
        "host_email": "office@tidewater.example",
        "amenities": {"parking": False, "dogFriendly": False, "afterHours": True},
        "availability": {"thursday": ["9am", "3pm"]},
        "monthly_rate": 6400,
        "detailed_amenities": {"dogPolicy": {"allowed": False, "reason": "building rule"}},
    },
)


def client(name: str, address: str, company: str, team: int, budget: int) -> dict[str, Any]:
    return {
        "seeker_name": name,
        "seeker_email": address,
        "company_name": company,
        "team_size": team,
        "monthly_budget": budget,
        "requirements": {"parking": True},
    }


DEALS: Final = (
    client("Sarah Chen", "sarah@acme.example", "Acme Robotics", 12, 9000),
    client("Marcus Webb", "marcus@nimbus.example", "Nimbus Analytics", 20, 15000),
    client("Ines Silva", "ines@halyard.example", "Halyard Health", 8, 7000),
)

# Sender, subject, text. The fourth comes from nobody who is known; the draft of the third is made wrong by a person.
MAILS: Final = (
    ("Sarah Chen <sarah@acme.example>", "Parking", "Is there parking at The Foundry, and what does it cost?"),
    ("Marcus Webb <marcus@nimbus.example>", "A visit", "Could we see Harbor Loft on Thursday? Are dogs allowed?"),
    ("Ines Silva <ines@halyard.example>", "Rent", "What is the rent of Harbor Loft? Is it in our budget?"),
    ("Nobody <nobody@elsewhere.example>", "Hello", "Do you still have offices?"),
    ("Sarah Chen <sarah@acme.example>", "Rooms", "How many meeting rooms does The Foundry have? Is there a gym?"),
)
LIE: Final = "Hi Ines,\n\nHarbor Loft rents for $5,000 per month and has parking.\n\nBest regards"


def eml(at: int) -> bytes:
    """A mail as it comes in."""
    sender, subject, text = MAILS[at]
    head = f"From: {sender}\nTo: agent@rowmill.example\nSubject: {subject}\nMessage-ID: <demo-{at}@mail.example>\n"
    return f"{head}Date: Mon, 02 Nov 2026 10:0{at}:00 +0000\n\n{text}\n".encode()
