"""What comes in and goes out over HTTP is a pydantic model: checked at the edge, told in the OpenAPI description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

PAGE_LIMIT: Final = 200


class Model(BaseModel):
    """Base of everything a client sends or receives. An unknown field is refused by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Model):
    """No path parameters, no query, or no body."""


class Page(Model):
    """The query of a list: newest first, `before` the last id of the page before."""

    limit: int = Field(50, ge=1, le=PAGE_LIMIT)
    before: UUID | None = Field(None, description="The last id of the page before.")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request, under the name its sender gives it."""

    name: str
    content: bytes


class Document:
    """A jsonb value as the database wrote it, numbers of any size included."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    @classmethod
    def of(cls, text: str | None) -> Document | None:
        """None for SQL's null."""
        return None if text is None else cls(text)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"description": "Any JSON value."}


_times: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


def _written_out(at: Any) -> Any:
    """A number is no time, even where it looks like seconds since 1970."""
    if not isinstance(at, str):
        return at
    try:
        return _times.validate_python(at if re.match(r"\d{4}-\d\d-\d\d[Tt ]", at) else "", strict=False)
    except ValidationError:
        raise ValueError("this is no time with its zone; write it as 2026-01-31T14:00:00Z") from None


def _in_range(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("this time is before the year 1 or after the year 9999 in UTC") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_range)]  # a time with its zone


def to_json(answer: object) -> bytes:
    """An answer as it is sent."""
    plain = answer.model_dump() if isinstance(answer, BaseModel) else answer
    return orjson.dumps(plain, default=_plain)


def _plain(item: object) -> object:
    if isinstance(item, Document):
        return orjson.Fragment(item.text)
    if isinstance(item, UUID):  # the driver's own kind
        return str(item)
    raise TypeError(f"{type(item).__name__} has no JSON form")
