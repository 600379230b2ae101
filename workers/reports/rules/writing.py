"""Markdown that is safe to write other people's words into, and the page that is made of it.

The page is made by markdown-it-py with HTML switched off, so nothing that stands in a report can run in a browser.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from html import escape
from typing import Final
from uuid import UUID

from markdown_it import MarkdownIt

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~!&])")

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
h1, h2, h3 {{ line-height: 1.2; }}
table {{ border-collapse: collapse; }}
td, th {{ border: 1px solid #ccc; padding: 0.2rem 0.5rem; text-align: left; }}
a {{ color: #0b57d0; }}
</style>
</head>
<body>
{body}</body>
</html>
"""


def words(text: str) -> str:
    """Somebody's words as they are: nothing in them is markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def link(label: str, kind: str, row_id: UUID) -> str:
    """A link to a stored row: daily, transcripts, jira or slack."""
    return f"[{label}](/api/reports/{kind}/{row_id})"


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def span(first: date, last: date) -> str:
    """`12 to 18 January 2026`, as short as it can be said."""
    if first == last:
        return f"{first.day} {first:%B %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {last.day} {last:%B %Y}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%B}{year} to {last.day} {last:%B %Y}"


def short(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def page(title: str, markdown: str) -> str:
    """The whole page of a report."""
    return PAGE.format(title=escape(title), body=_renderer().render(markdown))


@cache
def _renderer() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")
