"""docs/reliability.md."""

from __future__ import annotations
