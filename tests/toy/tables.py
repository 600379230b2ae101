"""SQLAlchemy tables of the toy domain."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Integer, Table, Text, Uuid, text

from core.schema import metadata

toy_rows = Table(
    "toy_rows",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", Text),
    Column("version", BigInteger, nullable=False, server_default=text("nextval('rowmill.version')")),
    CheckConstraint("length(value) < 1000", name="toy_rows_short"),
)
toy_edits = Table(
    "toy_edits",
    metadata,
    Column("edit_no", BigInteger, Identity(always=True), primary_key=True),
    Column("row_id", Integer, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("task_id", Uuid),
    Column("run_no", BigInteger),
    Column("user_id", Uuid),
    Column("command_id", Uuid),
)
toy_notes = Table(
    "toy_notes",
    metadata,
    Column("note_no", BigInteger, Identity(always=True), primary_key=True),
    Column("task_id", Uuid),
    Column("note", Text),
)
