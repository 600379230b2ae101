"""What clients of sessions send and get."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from core.web import Document, Model
from workers.spreadsheets.http.models import Name
from workers.spreadsheets.model.sessions import Kind

ANSWER_BYTES = 64_000
State = Literal["running", "asks", "failed", "cancelled", "completed"]


class AskedSession(Model):
    """One session."""

    id: UUID


class AskedSessions(Model):
    """The sessions of a spreadsheet, newest first."""

    id: UUID
    limit: int = Field(20, ge=1, le=100)


class NewSession(Model):
    """A process over the sheet. `input` fits the kind: columns by title or id, a file by its name."""

    kind: Kind
    name: Name | None = None
    input: dict[str, Any] = Field(default_factory=dict)


class Answer(Model):
    """An answer to the question of a step; `version` is the session's, as it was read."""

    step: int = Field(ge=1)
    version: int = Field(ge=1)
    answer: dict[str, Any] = Field(description="Fits the question's schema, as {'choices': {key: value}}.")


class Question(Model):
    """What a session asks. `form` lists the choices with their options and defaults, `schema` is that of the answer."""

    prompt: str
    form: Document
    answer_schema: Document


class Session(Model):
    """A session: where it is, what its steps have found, and what it asks."""

    id: UUID
    spreadsheet_id: UUID
    kind: str
    name: str
    input: Document
    state: State
    current_step: int
    total_steps: int
    steps: list[str]
    step_data: Document
    question: Question | None
    problem: str | None
    rows_done: Document | None
    task_id: UUID | None
    started_by: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    cancelled_at: datetime | None


class SessionList(Model):
    """`more`: there are older ones."""

    sessions: list[Session]
    more: bool
