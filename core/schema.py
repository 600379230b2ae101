"""The MetaData that every room's tables hang on; Alembic compares it with the database."""

from typing import Any

from sqlalchemy import MetaData, Sequence
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

# Versions of all rows that somebody decides on come from here, so that no two are ever equal.
version_sequence = Sequence("version", metadata=metadata, schema="rowmill")


class Xid8(UserDefinedType[int]):
    """The id of a transaction, which SQLAlchemy does not know."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


ischema_names["xid8"] = Xid8  # reflection finds types here
