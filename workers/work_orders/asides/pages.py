"""Pages of a PDF as words with boxes: from the text layer, and where a page has none, recognised by tesseract."""

from __future__ import annotations

import ctypes
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from workers.work_orders.model.reading import Box, Cell, Sheet, Table, Word

PAGES: Final = 50  # of one document
CHARACTERS: Final = 60_000  # of one page
RECOGNISED: Final = 5  # pages of one document
DPI: Final = 200
PIXELS: Final = 12_000_000  # of a page that is drawn: whatever size it claims
RECOGNISE_S: Final = 12
POINTS: Final = 72


class Unreadable(Exception):
    """The document cannot be read; a sentence."""


def opened(data: bytes) -> Any:
    """The document. Raises Unreadable."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if "assword" in str(error):
            raise Unreadable("the PDF is encrypted; send it without its password") from None
        raise Unreadable("the file is no PDF, or a broken one; send it again") from None
    if len(document) > PAGES:
        raise Unreadable(f"the PDF has {len(document)} pages and at most {PAGES} are read; send the order alone")
    return document


def sheets(data: bytes, *, tables: bool, recognise: bool) -> list[Sheet]:
    """All pages. Raises Unreadable."""
    document = opened(data)
    drawn = _tables(data) if tables else {}
    found, budget = [], RECOGNISED if recognise and shutil.which("tesseract") else 0
    for at in range(len(document)):
        page = document[at]
        words, recognised = list(_words(page)), False
        if not words and budget:
            words, recognised, budget = list(_recognised(page)), True, budget - 1
        found.append(Sheet(at + 1, tuple(lines(words)), drawn.get(at + 1, ()), recognised))
        page.close()
    return found


class _Shown(NamedTuple):
    """The part of a page that is shown, and how often it is turned to the right by a quarter."""

    left: float
    bottom: float
    right: float
    top: float
    turns: int

    @classmethod
    def of(cls, page: Any) -> _Shown:
        left, bottom, right, top = page.get_cropbox()
        return cls(left, bottom, right, top, page.get_rotation() // 90 % 4)

    def place(self, left: float, right: float, bottom: float, top: float) -> tuple[float, float, float, float]:
        """From points of the page to shares of what is shown, from its upper left corner."""
        width, height = max(self.right - self.left, 1.0), max(self.top - self.bottom, 1.0)
        x0, x1 = (left - self.left) / width, (right - self.left) / width
        y0, y1 = (self.top - top) / height, (self.top - bottom) / height
        for _ in range(self.turns):
            x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
        return x0, y0, x1, y1


def _words(page: Any) -> Iterator[Word]:
    """Words of the text layer, in the document's own order."""
    text = page.get_textpage()
    count = text.count_chars()
    if count > CHARACTERS:
        raise Unreadable(f"a page holds {count:,} characters and at most {CHARACTERS:,} are read; send the order alone")
    shown = _Shown.of(page)
    edges = [ctypes.c_double() for _ in range(4)]  # left, right, bottom, top of a character
    letters: list[str] = []
    corners: list[tuple[float, float, float, float]] = []
    for at in range(count):
        letter = chr(pdfium_c.FPDFText_GetUnicode(text.raw, at))
        if letter.isspace() or not letter.isprintable():
            if letters:
                yield _word(letters, corners)
            letters, corners = [], []
            continue
        if pdfium_c.FPDFText_GetCharBox(text.raw, at, *edges):
            box = shown.place(*(each.value for each in edges))
            if corners and abs(box[1] - corners[-1][1]) > 0.02:  # noqa: PLR2004 - another line
                yield _word(letters, corners)
                letters, corners = [], []
            letters.append(letter)
            corners.append(box)
    if letters:
        yield _word(letters, corners)


def _word(letters: Sequence[str], corners: Sequence[tuple[float, float, float, float]]) -> Word:
    box = Box(
        100 * min(each[0] for each in corners),
        100 * min(each[1] for each in corners),
        100 * max(each[2] for each in corners),
        100 * max(each[3] for each in corners),
    )
    return Word("".join(letters), box)


def lines(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    """Words that stand beside each other, from the top down and from left to right."""
    line: list[Word] = []
    for word in sorted(words, key=lambda each: (each.box.top + each.box.bottom) / 2):
        middle = (word.box.top + word.box.bottom) / 2
        if line and middle > max(each.box.bottom for each in line[-3:]):
            yield tuple(sorted(line, key=lambda each: each.box.left))
            line = []
        line.append(word)
    if line:
        yield tuple(sorted(line, key=lambda each: each.box.left))


def drawn(page: Any) -> Any:
    """The page as an image, however large it claims to be."""
    width, height = page.get_size()
    scale = min(DPI / POINTS, (PIXELS / max(width * height, 1.0)) ** 0.5)
    return page.render(scale=scale).to_pil()


def _recognised(page: Any) -> Iterator[Word]:
    import pytesseract

    os.environ["OMP_THREAD_LIMIT"] = "1"
    image = drawn(page).convert("L")
    try:
        table = pytesseract.image_to_data(image, output_type=pytesseract.Output.DICT, timeout=RECOGNISE_S)
    except (RuntimeError, pytesseract.TesseractError) as error:
        why = type(error).__name__
        raise Unreadable(f"the image of a page cannot be recognised ({why}); send a PDF with text") from None
    for at, text in enumerate(table["text"]):
        sure = float(table["conf"][at]) / 100
        if text.strip() and sure > 0:
            left, top = 100 * table["left"][at] / image.width, 100 * table["top"][at] / image.height
            right = left + 100 * table["width"][at] / image.width
            bottom = top + 100 * table["height"][at] / image.height
            yield Word(text.strip(), Box(left, top, right, bottom), sure)


def _tables(data: bytes) -> dict[int, tuple[Table, ...]]:
    import pdfplumber

    with pdfplumber.open(io.BytesIO(data)) as document:
        return {page.page_number: tuple(_cells(page, table) for table in page.find_tables()) for page in document.pages}


def _cells(page: Any, table: Any) -> Table:
    return tuple(
        tuple(Cell(text or "", _percent(page, corners)) for text, corners in zip(texts, row.cells, strict=True))
        for texts, row in zip(table.extract(), table.rows, strict=True)
    )


def _percent(page: Any, corners: tuple[float, float, float, float] | None) -> Box | None:
    if corners is None:
        return None
    left, top = page.bbox[:2]
    across, down = 100 / max(page.width, 1), 100 / max(page.height, 1)
    x0, y0, x1, y1 = corners
    return Box((x0 - left) * across, (y0 - top) * down, (x1 - left) * across, (y1 - top) * down)
