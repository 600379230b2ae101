"""SQLAlchemy tables of the queue, its audit and the engine; the DDL stands in migrations/engine."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.schema import Xid8, metadata

PENDING_PLAIN = text("status = 'pending' and crashes < 2 and concurrency_key is null")
SESSION_WORKSPACE = text("(NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid")


def _id() -> Column[object]:
    return Column("id", Uuid, primary_key=True, server_default=text("rowmill.uuid7()"))


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=text("now()"))


def _at(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


def _count(name: str, default: int) -> Column[object]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def _xact_id() -> Column[object]:
    return Column("xact_id", Xid8, nullable=False, server_default=text("pg_current_xact_id()"))


task_queue = Table(
    "task_queue",
    metadata,
    _id(),
    Column("task_type", String(100), nullable=False),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'")),
    Column("status", String(20), nullable=False, server_default=text("'pending'")),
    _count("priority", 5),
    _count("attempts", 0),
    _count("max_attempts", 3),
    _now("scheduled_for"),
    _at("started_at"),
    _at("completed_at"),
    _at("failed_at"),
    Column("error_message", Text),
    Column("worker_id", Text),
    _now("created_at"),
    _now("updated_at"),
    Column("run_no", BigInteger, nullable=False, server_default=text("0")),
    _count("crashes", 0),
    Column("dedupe_key", Text),
    Column("concurrency_key", Text),
    Column("leader_id", Uuid),
    _at("cancel_asked_at"),
    Column("workspace_id", Uuid, server_default=SESSION_WORKSPACE),
    Column("parent_id", Uuid),
    Column("enqueued_by", Text, nullable=False, server_default=text("session_user")),
    Column("output", JSONB),
    CheckConstraint("jsonb_typeof(payload) = 'object'", name="task_queue_payload_is_object"),
    CheckConstraint("pg_column_size(payload) <= 65536", name="task_queue_payload_size"),
    CheckConstraint(
        "status in ('pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled')", name="task_queue_status"
    ),
    CheckConstraint("priority between 0 and 100", name="task_queue_priority"),
    CheckConstraint("isfinite(scheduled_for)", name="task_queue_scheduled_for_finite"),
    Index("task_queue_lane", "task_type", text("priority desc"), "scheduled_for", "id", postgresql_where=PENDING_PLAIN),
    Index(
        "task_queue_keyed",
        "task_type",
        "concurrency_key",
        text("priority desc"),
        "scheduled_for",
        "id",
        postgresql_where=text("status = 'pending' and crashes < 2 and concurrency_key >= ''"),
    ),
    Index(
        "task_queue_keyed_due",
        "task_type",
        "scheduled_for",
        "concurrency_key",
        postgresql_where=text("status = 'pending' and crashes < 2 and concurrency_key is not null and priority >= 0"),
    ),
    Index(
        "task_queue_suspects",
        "status",
        "task_type",
        "scheduled_for",
        postgresql_where=text("status in ('pending', 'failed') and crashes >= 2"),
    ),
    Index(
        "task_queue_running_key",
        "concurrency_key",
        unique=True,
        postgresql_where=text("status = 'processing' and leader_id is null and concurrency_key is not null"),
    ),
    Index(
        "task_queue_dedupe",
        "task_type",
        "dedupe_key",
        unique=True,
        postgresql_where=text("status in ('pending', 'processing', 'waiting') and dedupe_key is not null"),
    ),
    Index("task_queue_mine", "worker_id", postgresql_where=text("status = 'processing' and worker_id is not null")),
)

robot_input_events = Table(
    "robot_input_events",
    metadata,
    Column("task_id", Uuid, nullable=False),
    Column("run_no", BigInteger, nullable=False),
    Column("operator_type", Text, nullable=False),
    Column("cell_id", Uuid),
    Column("input_data", JSONB),
    Column("output_data", JSONB),
    Column("processing_time_ms", Integer),
    Column("success", Boolean, nullable=False),
    Column("error_message", Text),
    Column("error_fingerprint", Text),
    Column("worker_id", Text),
    Column("enqueued_by", Text),
    _xact_id(),
    _now("created_at"),
    PrimaryKeyConstraint("task_id", "run_no"),
    Index("robot_input_events_cell", "cell_id", postgresql_where=text("cell_id is not null")),
    Index("robot_input_events_failures", "created_at", postgresql_where=text("error_fingerprint is not null")),
)

audit_events = Table(
    "audit_events",
    metadata,
    _id(),
    _now("at"),
    _xact_id(),
    Column("workspace_id", Uuid),
    Column("entity", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("task_id", Uuid),
    Column("run_no", BigInteger),
    Column("user_id", Uuid),
    Column("command_id", Uuid),
    Index("audit_events_entity", "entity", "entity_id", "id"),
)

workers = Table(
    "workers",
    metadata,
    Column("worker_id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    _now("started_at"),
    _now("beat_at"),
    Column("lease_until", DateTime(timezone=True), nullable=False),
    Column("code_version", Text),
    Column("task_types", ARRAY(Text), nullable=False),
    Column("draining", Boolean, nullable=False, server_default=text("false")),
    Column("drain_asked_at", DateTime(timezone=True)),
    Column("draining_since", DateTime(timezone=True)),
    Column("woken_by", Text, nullable=False, server_default=text("'bells'")),
    CheckConstraint("woken_by in ('bells', 'polls')", name="workers_woken_by"),
    schema="rowmill",
)

gate = Table(
    "gate",
    metadata,
    Column("task_type", Text, nullable=False),
    Column("listener", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("valid_until", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("task_type", "listener"),
    CheckConstraint("state in ('asleep', 'looking', 'full')", name="gate_state"),
    schema="rowmill",
)

task_types = Table(
    "task_types",
    metadata,
    Column("task_type", Text, primary_key=True),
    _at("paused_at"),
    Column("description", Text),
    Column("schema", JSONB),
    Column("defaults", JSONB),
    Column("published_by", Text),
    _at("published_at"),
    Column("paused_by", Text),
    Column("paused_reason", Text),
    schema="rowmill",
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", Uuid, primary_key=True),
    Column("actor", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("answer", JSONB),
    _now("created_at"),
    Column("digest", Text),
    Index("commands_created_at", "created_at"),
    schema="rowmill",
)

task_stats = Table(
    "task_stats",
    metadata,
    Column("minute", DateTime(timezone=True), nullable=False),
    Column("task_type", Text, nullable=False),
    Column("worker_id", Text, nullable=False),
    *(
        Column(name, BigInteger, nullable=False, server_default=text("0"))
        for name in ("completed", "failed", "retried", "cancelled", "returned")
    ),
    *(
        Column(name, ARRAY(BigInteger), nullable=False, server_default=text("'{}'"))
        for name in ("wait_ms_histogram", "run_ms_histogram")
    ),
    PrimaryKeyConstraint("minute", "task_type", "worker_id"),
    schema="rowmill",
)

holds = Table(
    "holds",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("reason", Text, nullable=False),
    _now("created_at"),
    schema="rowmill",
)

recoveries = Table(
    "recoveries",
    metadata,
    Column("recovery_no", Integer, primary_key=True, autoincrement=False),
    _now("at"),
    Column("system_identifier", Text),
    Column("timeline", Integer),
    Column("queue_oid", BigInteger, nullable=False),
    _count("tasks_given_back", 0),
    Column("noted_by", Text, nullable=False, server_default=text("session_user")),
    schema="rowmill",
)

schedules = Table(
    "schedules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("task_type", String(100), nullable=False),
    Column("cron", Text, nullable=False),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'")),
    Column("workspace_id", Uuid),
    _at("next_at"),
    _at("last_at"),
    Column("last_task_id", Uuid),
    Column("problem", Text),
    Column("scheduled_by", Text, nullable=False, server_default=text("session_user")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column("catch_up", Text, nullable=False, server_default="one"),
    _at("paused_at"),
    Column("paused_by", Text),
    CheckConstraint("name <> ''", name="schedules_name"),
    CheckConstraint("catch_up in ('one', 'all', 'none')", name="schedules_catch_up"),
    CheckConstraint("jsonb_typeof(payload) = 'object'", name="schedules_payload_is_object"),
    CheckConstraint("pg_column_size(payload) <= 65536", name="schedules_payload_size"),
    schema="rowmill",
)

limits = Table(
    "limits",
    metadata,
    Column("name", Text, primary_key=True),
    Column("rate", Double, nullable=False),
    Column("burst", Double, nullable=False),
    Column("tokens", Double, nullable=False),
    _now("filled_at"),
    _at("told_until"),
    _at("paused_until"),
    Column("paused_reason", Text),
    CheckConstraint("rate > 0", name="limits_rate"),
    CheckConstraint("burst >= 1", name="limits_burst"),
    schema="rowmill",
)

producers = Table(
    "producers",
    metadata,
    Column("login", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    PrimaryKeyConstraint("login", "workspace_id"),
    schema="rowmill",
)

waits = Table(
    "waits",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("task_type", String(100), nullable=False),
    Column("signal", Text, nullable=False),
    Column("workspace_id", Uuid, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    _at("times_out_at"),
    Column("on_timeout", Text, nullable=False, server_default=text("'fail'")),
    CheckConstraint("length(signal) between 1 and 500", name="waits_signal"),
    CheckConstraint("on_timeout in ('fail', 'continue')", name="waits_on_timeout"),
    Index("waits_of_signal", "signal", "workspace_id", "since"),
    Index("waits_of_type", "task_type", "since"),
    Index("waits_time_out", "times_out_at", postgresql_where=text("times_out_at is not null")),
    schema="rowmill",
)

signals = Table(
    "signals",
    metadata,
    _id(),
    Column("key", Text),
    Column("task_id", Uuid),
    Column("workspace_id", Uuid, nullable=False),
    Column("payload", JSONB, nullable=False, server_default=text("'{}'")),
    Column("sent_by", Text, nullable=False, server_default=text("session_user")),
    Column("sent_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column("continued", Uuid),
    _at("continued_at"),
    CheckConstraint("length(key) between 1 and 500", name="signals_key"),
    CheckConstraint("jsonb_typeof(payload) = 'object'", name="signals_payload_is_object"),
    CheckConstraint("num_nonnulls(key, task_id) = 1", name="signals_to_one"),
    Index(
        "signals_kept_for_key",
        "key",
        "workspace_id",
        "sent_at",
        "id",
        postgresql_where=text("continued is null and key is not null"),
    ),
    Index(
        "signals_kept_for_task",
        "task_id",
        "sent_at",
        "id",
        postgresql_where=text("continued is null and task_id is not null"),
    ),
    Index("signals_sent", "sent_at"),
    schema="rowmill",
)
