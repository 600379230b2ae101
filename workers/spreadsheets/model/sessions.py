"""Transformer sessions: processes of several steps over a sheet, in which a person may be asked. Payloads, effects, and
what a step may ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import Effect
from workers.spreadsheets.model.steps import LocaleName

Kind = Literal["clean_contacts", "import_mapped", "enrich_from_web"]
ColumnName = Annotated[str, Field(min_length=1, max_length=255, description="The title or the id of a column.")]


class SessionStep(BaseModel):
    """The work of one step. Its task is enqueued by the commit of the step before it."""

    session_id: UUID
    step: int = Field(ge=1)


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CleanContacts(_Input):
    """Clean a contact list and merge its duplicates. Columns that are not named are found by their titles."""

    name: ColumnName | None = None
    email: ColumnName | None = None
    phone: ColumnName | None = None
    company: ColumnName | None = None
    locale: LocaleName = Field("en_US", description="How phone numbers without a country are read.")
    likeness: int = Field(88, ge=50, le=100, description="How alike names of duplicates are at least, in percent.")


class ImportMapped(_Input):
    """Append a foreign file's rows to the sheet's own columns."""

    file: str = Field(min_length=1, max_length=1000, description="A file below the installation's folder.")


class EnrichFromWeb(_Input):
    """Fetch the page behind each row's address, and let a person look at the doubtful ones."""

    address: ColumnName | None = None
    name: ColumnName | None = None
    likeness: int = Field(60, ge=0, le=100, description="How well a page must fit its row's name, in percent.")


INPUTS: dict[str, type[_Input]] = {
    "clean_contacts": CleanContacts,
    "import_mapped": ImportMapped,
    "enrich_from_web": EnrichFromWeb,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to decide. `options`: value -> what a person reads; `default` is taken where nothing is said."""

    key: str
    label: str
    options: dict[str, str]
    default: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a step asks: a prompt, and choices. Answered by `{"choices": {key: value}}`, checked by a JSON schema."""

    prompt: str
    choices: tuple[Choice, ...]

    def form(self) -> list[dict[str, Any]]:
        """For a page or a terminal."""
        return [
            {"key": c.key, "label": c.label, "detail": c.detail, "default": c.default}
            | {"options": [{"value": value, "label": label} for value, label in c.options.items()]}
            for c in self.choices
        ]

    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the answer."""
        return {
            "type": "object",
            "properties": {
                "choices": {
                    "type": "object",
                    "properties": {c.key: {"enum": list(c.options)} for c in self.choices},
                    "additionalProperties": False,
                }
            },
            "required": ["choices"],
            "additionalProperties": False,
        }


class _OnSession(Effect):
    __slots__ = ()
    entity: ClassVar[str | None] = "transformer_sessions"
    key: ClassVar[tuple[str, ...]] = ("session_id",)
    folds: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class StartSession(Effect):
    """A new session; its first step is enqueued by the table's trigger, as for a plain INSERT."""

    session_id: UUID
    spreadsheet_id: UUID
    workspace_id: UUID
    kind: str
    session_name: str
    initial_input: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FinishStep(_OnSession):
    """A step is done: its output is the input of the next one, which is enqueued, or the session is completed."""

    session_id: UUID
    step: int
    output: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskPerson(_OnSession):
    """A step needs an answer. `found` is what it has worked out so far, kept for after the answer."""

    session_id: UUID
    step: int
    prompt: str
    schema: dict[str, Any]
    form: list[dict[str, Any]]
    found: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerSession(_OnSession):
    """A person's answer, which continues the waiting step."""

    session_id: UUID
    step: int
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RetryStep(_OnSession):
    """The step that has failed runs again, with what it had done already."""

    session_id: UUID


@dataclass(frozen=True, slots=True)
class CancelSession(_OnSession):
    """The end of a session; what its steps have written stays."""

    session_id: UUID


@dataclass(frozen=True, slots=True)
class ReplaceCell(Effect):
    """Another content where the cell still holds what was read: a person's edit meanwhile wins."""

    entity: ClassVar[str | None] = "cells"
    key: ClassVar[tuple[str, ...]] = ("cell_id",)
    folds: ClassVar[bool] = False
    cell_id: UUID
    was: str | None
    content: str | None
