"""The page: plain files, no build step."""

from __future__ import annotations

from pathlib import Path

from core.web import assets, page

PAGE = Path(__file__).parent.parent / "page"

page("/", PAGE / "index.html")
assets("/page", PAGE)
