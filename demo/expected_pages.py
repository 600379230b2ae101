"""What the rows of the pages sheet must hold, from the data the site is made of, by plain code of its own."""

from __future__ import annotations

from demo.expected import Expected
from demo.site import Page, addresses, pages

PARTS = ("Title", "Description", "Text", "Links", "Page", "Headline")


def expected_pages(base: str) -> list[dict[str, Expected]]:
    """Every row by title, in the order of the addresses."""
    return [{"Address": Expected(address), **_row(base, address)} for address in addresses(base)]


def _row(base: str, address: str) -> dict[str, Expected]:
    page = _page_at(base, address)
    if page is None:
        return {**dict.fromkeys(PARTS, Expected(None)), "Page": Expected(None, is_error=True)}
    return {
        "Title": Expected(page.title),
        "Description": Expected(page.description),
        "Text": Expected("\n".join(page.paragraphs)),
        "Links": Expected("\n".join(base + link for link in page.links) or None),
        "Page": Expected("fetched"),
        "Headline": Expected(page.title.upper()),
    }


def _page_at(base: str, address: str) -> Page | None:
    """The page an address shows in the end; /moved/7 and /slow/7 show /page/7."""
    path = address.removeprefix(base)
    for prefix in ("/moved/", "/slow/"):
        path = path.replace(prefix, "/page/")
    return pages().get(path)
