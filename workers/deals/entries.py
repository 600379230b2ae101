"""Deals and spaces as people enter them, over HTTP and from files."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workers.deals.model import Amenities, Availability, DetailedAmenities, Requirements

# One address as mails can be sent to it: core/outside/mail/writing.py takes no other.
Address = Annotated[
    str,
    StringConstraints(
        max_length=255,
        pattern=r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
        r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$",
    ),
]
Dollars = Annotated[int, Field(ge=0, le=2**31 - 1)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\r\n]+$")]
Need = Annotated[str, StringConstraints(pattern=r"^[a-z]\w{0,49}$")]
PlaceStatus = Literal["shown", "interested", "touring", "rejected", "selected"]
Stage = Literal["inquiry", "touring", "negotiating", "closed"]


class Entry(BaseModel):
    """Base: an unknown field is refused by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewDeal(Entry):
    """A deal as it is entered."""

    seeker_name: Name
    seeker_email: Address
    company_name: Name
    team_size: int = Field(ge=1, le=2**31 - 1)
    monthly_budget: Dollars
    requirements: Requirements = Requirements()
    stage: Stage = "inquiry"
    workspace_id: UUID | None = None


class NewSpace(Entry):
    """A space as it is entered."""

    name: Name
    address: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    neighborhood: Annotated[str, StringConstraints(max_length=100)] | None = None
    host_company: Name
    host_email: Address
    host_context: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    amenities: Amenities = Amenities({})
    availability: Availability = Availability({})
    monthly_rate: Dollars
    detailed_amenities: DetailedAmenities | None = None
    workspace_id: UUID | None = None


class DealChanges(Entry):
    """What is to be different about a deal; what is not named stays."""

    seeker_name: Name | None = None
    seeker_email: Address | None = None
    company_name: Name | None = None
    team_size: int | None = Field(None, ge=1, le=2**31 - 1)
    monthly_budget: Dollars | None = None
    requirements: Requirements | None = None
    stage: Stage | None = None


class SpaceChanges(Entry):
    """What is to be different about a space; what is not named stays."""

    name: Name | None = None
    address: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    neighborhood: Annotated[str, StringConstraints(max_length=100)] | None = None
    host_company: Name | None = None
    host_email: Address | None = None
    host_context: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    amenities: Amenities | None = None
    availability: Availability | None = None
    monthly_rate: Dollars | None = None
    detailed_amenities: DetailedAmenities | None = None


def columns_of(body: BaseModel, *without: str) -> dict[str, Any]:
    """The fields that were given, documents as they are stored."""
    sent = {name: getattr(body, name) for name in type(body).model_fields if name not in without}
    return {
        name: value.model_dump(mode="json", by_alias=True, exclude_none=True) if isinstance(value, BaseModel) else value
        for name, value in sent.items()
        if value is not None
    }
