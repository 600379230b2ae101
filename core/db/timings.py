"""DEBUG=true: how long each statement took, on stderr. Never a parameter, and no statement beyond its first literal:
what stands in quotes may be a payload."""

from __future__ import annotations

import re
import sys
from typing import Final

from asyncpg.connection import LoggedQuery

LITERAL: Final = re.compile(r"'|\$([A-Za-z_]\w*)?\$")
LONGEST: Final = 160


def told(query: LoggedQuery) -> None:
    """A query logger of asyncpg."""
    text = " ".join(LITERAL.split(query.query, maxsplit=1)[0].split())
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    ended = "" if query.exception is None else f"  {type(query.exception).__name__}"
    print(f"SQL {query.elapsed * 1000:9.1f} ms  {shown}{ended}", file=sys.stderr)  # noqa: T201 - a person has asked for it
