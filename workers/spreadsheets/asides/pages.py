"""From the bytes of a web page to its title, description, main text and links, each of bounded size."""

from __future__ import annotations

import codecs
import re
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import orjson
import trafilatura
from charset_normalizer import from_bytes
from lxml import etree, html  # type: ignore[import-untyped]

MAX_LINE: Final = 500  # characters of a title
MAX_DESCRIPTION: Final = 2000
MAX_TEXT: Final = 30_000  # of a text, and of all links together: what a cell of a workbook can hold
MAX_LINK: Final = 2048
SNIFFED: Final = 2048  # bytes in which a page may declare its charset
SAMPLE: Final = 1 << 16  # bytes from which a charset is guessed

_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{1,40})""", re.IGNORECASE)
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_NOT_SHOWN: Final = "//script|//style|//noscript|//template|//head"


def extracted(argument: bytes) -> bytes:
    """`argument` is a line of JSON (url, charset, content_type, max_links), then the page."""
    about, _, body = argument.partition(b"\n")
    told = orjson.loads(about)
    text = decoded(body, told["charset"])
    plain = told["content_type"] == "text/plain"
    return orjson.dumps(_plain(text) if plain else _page(text, told["url"], told["max_links"]))


def decoded(body: bytes, charset: str | None) -> str:
    """By the mark at its start, the answer's header, the page's own word, as UTF-8, by a guess: the first that fits."""
    for mark, marked in _BOMS:
        if body.startswith(mark):
            return body.decode(marked, "replace")
    declared = _DECLARED.search(body[:SNIFFED])
    told = charset, declared[1].decode() if declared else None
    for name in told:
        if name and _is_known(name):
            return body.decode(name, "replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        guess = from_bytes(body[:SAMPLE]).best()
        return body.decode(guess.encoding if guess else "latin-1", "replace")


def _is_known(name: str) -> bool:
    try:
        return bool(codecs.lookup(name)._is_text_encoding)  # noqa: SLF001 - `decode` itself asks it: zip is no charset
    except LookupError:
        return False


def _plain(text: str) -> dict[str, Any]:
    return {"title": None, "description": None, "text": _cut(text, MAX_TEXT), "links": []}


def _page(text: str, url: str, max_links: int) -> dict[str, Any]:
    tree = _tree(text)
    if tree is None:
        return _plain("")
    return {
        "title": _line(_first(tree, "//title//text()") or _meta(tree, "og:title"), MAX_LINE),
        "description": _line(_meta(tree, "description") or _meta(tree, "og:description"), MAX_DESCRIPTION),
        "links": _links(tree, url, max_links),
        "text": _cut(_main_text(text, tree, url), MAX_TEXT),  # last: it takes the tree apart
    }


def _tree(text: str) -> html.HtmlElement | None:
    """A tree of whatever it is; None where there is nothing to make one of. Entities and networks play no part."""
    cleaned = _UNPRINTABLE.sub(" ", text)
    parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True)
    try:
        return html.document_fromstring(cleaned.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None


def _main_text(text: str, tree: html.HtmlElement, url: str) -> str:
    """What trafilatura takes for the page's own words; all words where it finds none."""
    found = trafilatura.extract(text, url=url, include_comments=False, fast=True)
    if found:
        return str(found)
    for hidden in tree.xpath(_NOT_SHOWN):
        hidden.drop_tree()
    return " ".join(tree.text_content().split())


def _links(tree: html.HtmlElement, url: str, most: int) -> list[str]:
    """Whole addresses in the page's order, each once, without fragments."""
    base = _joined(url, _first(tree, "//base/@href") or "") or url
    found: dict[str, None] = {}
    for href in tree.xpath("//a/@href"):
        link = _joined(base, str(href))
        if link is not None:
            found[link] = None
        if len(found) >= most:
            break
    return list(found)


def _joined(base: str, href: str) -> str | None:
    try:
        whole = urlsplit(urljoin(base, href.strip()))._replace(fragment="")
        link = whole.geturl()
    except ValueError:
        return None
    usable = whole.scheme in {"http", "https"} and whole.netloc and "@" not in whole.netloc
    return _UNPRINTABLE.sub("", link) if usable and len(link) <= MAX_LINK else None


def _meta(tree: html.HtmlElement, name: str) -> str | None:
    return _first(tree, f"//meta[@name='{name}' or @property='{name}']/@content")


def _first(tree: html.HtmlElement, path: str) -> str | None:
    found = tree.xpath(path)
    return str(found[0]) if found else None


def _line(text: str | None, most: int) -> str | None:
    return _cut(" ".join((text or "").split()), most)


def _cut(text: str, most: int) -> str | None:
    text = _UNPRINTABLE.sub("", text).strip()
    return (text if len(text) <= most else text[: most - 1] + "…") or None
