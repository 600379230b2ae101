"""How a facility manager's work orders look: where each field stands, and how it is written. Data, checked and pure.

A page is measured in percent of its width and height, from its upper left corner.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import regex
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

NUMBER: Final = "work_order_number"
PATTERN_LENGTH: Final = 500


def _compiles(pattern: str) -> str:
    try:
        regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"the pattern cannot be read: {error}") from None
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=PATTERN_LENGTH), AfterValidator(_compiles)]
Percent = Annotated[float, Field(ge=0, le=100)]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Region(_Checked):
    """A part of a page."""

    page: int = Field(1, ge=1, le=50)
    left: Percent
    top: Percent
    right: Percent
    bottom: Percent

    @model_validator(mode="after")
    def _has_an_inside(self) -> Region:
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError("a region reaches from left to right and from top to bottom")
        return self


class Rule(_Checked):
    """Where one field is: behind a label, in a region, in the column of a table, or by its pattern alone.

    `pattern` picks a part of what was found: its first group, or all of it. `below` = under the label instead of
    behind it, as many lines as `lines`.
    """

    label: Pattern | None = None
    below: bool = False
    lines: int = Field(1, ge=1, le=20)
    region: Region | None = None
    column: Pattern | None = None
    pattern: Pattern | None = None
    kind: Literal["text", "date", "amount"] = "text"
    required: bool = False

    @model_validator(mode="after")
    def _has_one_place(self) -> Rule:
        places = sum(each is not None for each in (self.label, self.region, self.column))
        if places > 1 or (not places and self.pattern is None):
            raise ValueError("a field has one place: label, region, column, or a pattern alone")
        return self


class Profile(_Checked):
    """A facility manager's layout. `marks` are patterns that only his documents hold; `senders` are his addresses, or
    domains that begin with @."""

    fm_key: str = Field(min_length=1, max_length=100)
    senders: tuple[str, ...] = ()
    marks: tuple[Pattern, ...] = ()
    fields: dict[FieldName, Rule] = Field(min_length=1, max_length=60)
    date_formats: tuple[str, ...] = ("%Y-%m-%d", "%d.%m.%Y")
    decimal: Literal[".", ","] = "."
    currency: str | None = Field(None, pattern="^[A-Z]{3}$")

    @model_validator(mode="after")
    def _finds_a_number(self) -> Profile:
        if NUMBER not in self.fields:
            raise ValueError(f"a profile must say where {NUMBER} is")
        return self
