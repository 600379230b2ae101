"""The documents inside JSONB columns, with the keys of the product's document (camelCase).

Frozen; what is unknown is kept. Strict where people and programs enter something; rules/facts.py reads what is there,
whatever it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints
from pydantic.alias_generators import to_camel

MAX_BODY: Final = 50_000  # characters of a mail's text
MAX_VERSIONS: Final = 100  # of one draft, edits included

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Slot = Annotated[str, StringConstraints(pattern=r"^(1[0-2]|[1-9])(:[0-5]\d)?(am|pm)$", max_length=8)]
WEEKDAYS: Final[tuple[str, ...]] = get_args(Weekday)
Dollars = Annotated[float, Field(ge=0, le=1e9)]
Some = Annotated[str, StringConstraints(max_length=500)]
ValidationStatus = Literal["passed", "warnings", "failed"]


class Shape(BaseModel):
    """Base of the documented structures."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    def document(self) -> dict[str, Any]:
        """As it is stored; what was not said is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Open(Shape):
    """One that may hold more than is documented."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True
    )


class Requirements(Open):
    """deals.requirements: what a client needs; flexible, so that new needs take no migration."""

    dog_friendly: bool | None = None
    parking: bool | None = None
    after_hours: bool | None = None
    location: Some | None = None


class Amenities(RootModel[dict[Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9_]{0,49}$")], bool]]):
    """spaces.amenities: plain flags, for filters."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, json_schema_extra={"additionalProperties": False})


class Availability(RootModel[dict[Weekday, tuple[Slot, ...]]]):
    """spaces.availability: times of tours by weekday, as `{"tuesday": ["2pm", "4pm"]}`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)


class Parking(Open):
    """What a reply may say of parking; dollars."""

    type: Some | None = None
    location: Some | None = None
    cost_monthly: Dollars | None = None
    cost_per_day: Dollars | None = None
    spots_available: int | None = Field(None, ge=0)
    provider: Some | None = None
    shared_spots: bool | None = None
    note: Some | None = None


class DogPolicy(Open):
    """Whether dogs may come, and on which terms."""

    allowed: bool
    reason: Some | None = None
    flexibility: Some | None = None
    alternative: Some | None = None
    size_limit: Some | None = None
    deposit: Dollars | None = None
    note: Some | None = None


class Access(Open):
    """Cards, hours, notice."""

    system: Some | None = None
    cost_per_card: Dollars | None = None
    cost: Dollars | None = None
    process: Some | None = None
    hours: Some | None = None
    after_hours: bool | None = None
    advance_notice: Some | None = None
    security_contact: Some | None = None


class MeetingRooms(Open):
    """How many, for how many people."""

    count: int = Field(ge=0)
    sizes: tuple[int, ...] = ()
    booking_system: Some | None = None
    max_hours_per_booking: float | None = None
    note: Some | None = None


class RentInclusions(Open):
    """What the rent includes."""

    utilities: bool | None = None
    internet: Some | None = None
    janitorial: Some | None = None
    hvac: bool | None = None
    kitchen: Some | None = None


class DetailedAmenities(Open):
    """spaces.detailed_amenities: what a reply may say about a space."""

    parking: Parking | None = None
    dog_policy: DogPolicy | None = None
    access: Access | None = None
    meeting_rooms: MeetingRooms | None = None
    rent_inclusions: RentInclusions | None = None
    host_status: Some | None = None
    last_contact: Some | None = None


class Question(Shape):
    """A question of the mail and how it was answered."""

    question: str
    answer: str
    source_email_id: int | None = None
    source_text: str | None = None


class DataUsed(Shape):
    """A fact of the reply: from which row, by which path."""

    data_point: str
    source_type: Literal["space", "deal", "email"] | None = None
    source_id: int | None = None
    field_path: str | None = None
    value: Any = None


class Reasoning(Shape):
    """email_drafts.reasoning: which questions were answered, from which fields, and how times were chosen."""

    questions_addressed: tuple[Question, ...] = ()
    data_used: tuple[DataUsed, ...] = ()
    scheduling_logic: tuple[str, ...] | None = None


class Metadata(Shape):
    """email_drafts.metadata: who wrote it and what it took."""

    model: str
    tokens_used: int = Field(0, ge=0)
    generated_at: datetime
    validation_tokens_used: int | None = None  # always none: the check is ours and asks no model


class Validation(Shape):
    """email_drafts.validation: what the check against the database found."""

    status: ValidationStatus
    issues: tuple[str, ...] = ()
    checked_at: datetime


class DraftVersion(Shape):
    """One entry of email_drafts.draft_versions. `prompt` is the instruction of a regeneration; `edited_by` is set where
    a person wrote the text: edits are versions too, so that no text that was ever active is lost."""

    version: int = Field(ge=0)
    body: str
    prompt: str | None = None
    confidence: int = Field(ge=0, le=100)
    reasoning: Reasoning
    metadata: Metadata
    created_at: datetime
    edited_by: str | None = None

    def document(self) -> dict[str, Any]:
        """With `prompt: null` where there was none, as documented."""
        return {**super().document(), "prompt": self.prompt}


class DataLookup(Shape):
    """A question with where its answer came from."""

    question: str
    source: str
    answer: str


class AiReasoning(Shape):
    """How a sent mail came to be."""

    scheduling_logic: tuple[str, ...] | None = None
    data_lookups: tuple[DataLookup, ...] | None = None
    needs_human_review: tuple[str, ...] | None = None


class TimeSaved(Shape):
    """Minutes."""

    traditional: float
    with_ai: float = Field(alias="withAI")


class AiMetadata(Shape):
    """emails.ai_metadata of a mail that was sent from a draft. `timeSaved` is kept where something measured it."""

    confidence: int | None = None
    reasoning: AiReasoning | None = None
    suggested_actions: tuple[str, ...] | None = None
    time_saved: TimeSaved | None = None
