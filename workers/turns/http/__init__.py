"""Turns over HTTP: shapes that devices follow (`shape`), what they write (`write`, `writing`), the page (`pages`)."""

from workers.turns.http import pages, shape, write

__all__ = ["pages", "shape", "write"]
