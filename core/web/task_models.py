"""What /api/tasks takes and tells."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from core.web.model import Document, Model, Moment, Page

Status = Literal["pending", "processing", "waiting", "completed", "failed", "cancelled"]
Key = Annotated[str, Field(min_length=1, max_length=1000)]
PayloadField = Annotated[str, Field(pattern=r"^[^=]+=", max_length=1000)]


class TaskPath(Model):
    """One task."""

    id: UUID


class TaskQuery(Page):
    """The same filters as `rowmill tasks`."""

    type: str | None = Field(None, max_length=100, description="Task type; * and ? stand for others.")
    status: list[Status] = Field(default_factory=list, description="One or more.")
    key: str | None = Field(None, description="The concurrency_key.")
    error: str | None = Field(None, description="Text in the error message, in any case.")
    since: Moment | None = Field(None, description="Made at this time or later.")
    until: Moment | None = Field(None, description="Made before this time.")
    field: list[PayloadField] = Field(default_factory=list, max_length=10, description="A payload field as name=value.")


class TaskRow(Model):
    """A task in a list: everything but its payload."""

    id: UUID
    task_type: str
    status: Status
    priority: int
    attempts: int
    max_attempts: int
    created_at: datetime
    scheduled_for: datetime
    started_at: datetime | None
    ended_at: datetime | None
    concurrency_key: str | None
    workspace_id: UUID | None
    error_message: str | None


class TaskList(Model):
    """`more`: there are older ones."""

    tasks: list[TaskRow]
    more: bool


class Run(Model):
    """One claim that was worked on."""

    run_no: int
    success: bool
    started_at: datetime | None
    ended_at: datetime
    waited_ms: int | None
    processing_time_ms: int | None
    error_message: str | None
    worker_id: str | None
    cell_id: UUID | None
    output_data: Document | None


class Change(Model):
    """What a run changed."""

    at: datetime
    run_no: int | None
    entity: str
    entity_id: str
    action: str
    before: Document | None
    after: Document | None


class Child(Model):
    """A task that this one enqueued."""

    id: UUID
    task_type: str
    status: Status
    created_at: datetime


class Act(Model):
    """What a person did to the task over HTTP."""

    at: datetime
    action: str
    user_id: UUID | None
    email: str | None
    command_id: UUID | None
    before: Document | None
    after: Document | None


class Task(Model):
    """The row of a task."""

    id: UUID
    task_type: str
    status: Status
    priority: int
    attempts: int
    max_attempts: int
    crashes: int
    run_no: int
    created_at: datetime
    scheduled_for: datetime
    started_at: datetime | None
    ended_at: datetime | None
    cancel_asked_at: datetime | None
    concurrency_key: str | None
    dedupe_key: str | None
    workspace_id: UUID | None
    leader_id: UUID | None
    parent_id: UUID | None
    parent_type: str | None
    parent_status: str | None
    enqueued_by: str
    worker_id: str | None
    error_message: str | None
    payload: Document | None
    output: Document | None
    payload_bytes: int


class Story(Model):
    """All that is known of a task. `cut` names the lists that hold only the newest of what there is."""

    task: Task
    runs: list[Run]
    effects: list[Change]
    children: list[Child]
    acts: list[Act]
    cut: list[str]


class Explained(Model):
    """Why a task is not running, or how it ended."""

    task_id: UUID
    status: Status
    reason: str
    sentence: str


class NewTask(Model):
    """What a producer may set; what is left out gets the published default of the type."""

    task_type: str = Field(min_length=1, max_length=100)
    payload: dict[str, Any] = Field(default_factory=dict)
    priority: int | None = Field(None, ge=0, le=100)
    scheduled_for: Moment | None = None
    dedupe_key: Key | None = None
    concurrency_key: Key | None = None
    max_attempts: int | None = Field(None, ge=1, le=2**31 - 1)
    workspace_id: UUID | None = Field(None, description="Left out: the user's only workspace; for admins none.")


class SignalPayload(Model):
    """What the continued run finds in `task.signal.payload`."""

    payload: dict[str, Any] = Field(default_factory=dict)


class NewSignal(SignalPayload):
    """A signal to whoever waits for its key."""

    key: str = Field(min_length=1, max_length=500, description="What an operator waits for.")
    workspace_id: UUID | None = Field(None, description="Left out: the user's only workspace; for admins the default.")


class Signalled(Model):
    """`continued`: a task that waited goes on. `kept`: none waits yet."""

    answer: Literal["continued", "kept"]


class Enqueued(Model):
    """`created` is false where a live task has the same dedupe_key: `id` is that one then."""

    id: UUID
    created: bool
    duplicate_of: UUID | None


class Changed(Model):
    """`answer` is the contract's word: `pending`, `cancelled`, `cancel asked`."""

    id: UUID
    answer: str
