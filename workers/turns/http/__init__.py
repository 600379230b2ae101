"""Turns over HTTP: shapes that devices follow (`shape`), what they write, the page."""

from workers.turns.http import shape

__all__ = ["shape"]
