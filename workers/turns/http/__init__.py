"""Turns over HTTP: shapes that devices follow (`shape`), what they write (`write`, `writing`)."""

from workers.turns.http import shape, write

__all__ = ["shape", "write"]
