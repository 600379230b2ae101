"""Markdown that is safe to write other people's words into, and the page that is made of it.

The page is made by markdown-it-py with HTML switched off, so nothing that stands in a report can run in a browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from html import escape
from typing import Any, Final
from uuid import UUID

from markdown_it import MarkdownIt

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~!&])")

LONGEST_SHOWN: Final = 200_000  # characters of a text on its page; a browser is no place for 20 MB
LIST: Final = "/api/reports/page"

PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<nav><a href="{list}">All reports</a></nav>
<main>
{body}</main>
</body>
</html>
"""
STYLE: Final = """
:root { --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --shade: #f6f8fa; --link: #0550ae; --paper: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --shade: #151b23; --link: #79b8ff; --paper: #0d1117; }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto;
  max-width: 60rem; padding: 1.5rem 1.25rem 4rem; overflow-wrap: anywhere; }
nav { font-size: 0.875rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0.75rem 0 0.25rem; }
h1 + p { color: var(--soft); margin-top: 0; }
h2 { font-size: 1.25rem; margin: 2rem 0 0.5rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.25rem 0 0.25rem; }
ul { padding-left: 1.25rem; margin: 0.25rem 0; }
li { margin: 0.15rem 0; }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
hr { border: 0; border-top: 1px solid var(--line); margin: 1.25rem 0; }
pre { background: var(--shade); padding: 0.75rem; border-radius: 6px; overflow-x: auto; }
code { font: 0.9em ui-monospace, monospace; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 0.35rem 0.6rem; text-align: left; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; position: sticky; top: 0; background: var(--paper); }
tbody tr:hover { background: var(--shade); }
@media print { nav { display: none; } a { color: inherit; } }
"""


def words(text: str) -> str:
    """Somebody's words as they are: nothing in them is markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def link(label: str, kind: str, row_id: UUID) -> str:
    """A link to the page of a stored row: daily, transcripts, jira or slack."""
    return f"[{label}](/api/reports/{kind}/{row_id}/page)"


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


def written_day(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B %Y}"


def page(title: str, markdown: str) -> str:
    """The whole page of a report."""
    return _framed(title, _renderer().render(markdown))


def source_page(title: str, about: Iterable[str], content: str, address: str) -> str:
    """The page of a stored row: what is known of it, then its own words. `address` gives all of it as JSON."""
    told = [*map(words, about), f"[as JSON]({address})"]
    body = _renderer().render(f"# {words(title)}\n\n{' · '.join(told)}\n") + "<hr>\n"
    body += _renderer(breaks=True).render(content[:LONGEST_SHOWN])
    if len(content) > LONGEST_SHOWN:
        rest = f"**The page ends here.** All {len(content):,} characters are [in the JSON]({address})."
        body += "<hr>\n" + _renderer().render(rest)
    return _framed(title, body)


def index_page(rows: Sequence[Mapping[str, Any]]) -> str:
    """The list of generated reports, newest first."""
    listed = [
        [f"[{words(row['title'])}](/api/reports/generated/{row['id']}/page)", f"{row['updated_at']:%Y-%m-%d %H:%M} UTC"]
        for row in rows
    ]
    none = "No report yet: `rowmill reports generate weekly-digest --team rocks` asks for one."
    return page("Reports", f"# Reports\n\n{table(['Report', 'Written'], listed) if listed else none}\n")


def placed(html: str, server: str) -> str:
    """A page that is kept as a file: its links name the server. Nobody's words are taken for one: their quotes are
    escaped."""
    return html.replace('href="/api/reports/', f'href="{escape(server.rstrip("/"))}/api/reports/')


def _framed(title: str, body: str) -> str:
    return PAGE.format(title=escape(title), style=STYLE, list=LIST, body=_wide(body))


def _wide(body: str) -> str:
    """A table that is wider than the screen scrolls by itself."""
    return body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")


@cache
def _renderer(*, breaks: bool = False) -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "breaks": breaks}).enable("table").disable("image")
