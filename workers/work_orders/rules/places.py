"""Finds what a profile's rule points at: behind or below a label, in a region, in a table's column. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from workers.work_orders.model.profiles import Region, Rule
from workers.work_orders.model.reading import Box, Cell, Sheet, Word
from workers.work_orders.rules.texts import search

GAP: Final = 4.0  # percent of the width: as wide a space ends what stands behind a label
NEAR: Final = 2.0  # percent: words below a label begin no further left of it
BY_REGION: Final = 0.9
BY_TABLE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at a place, before a pattern picks from it. `sure`: how well the rule knows where to look."""

    text: str
    page: int
    box: Box | None
    sure: float
    words: tuple[Word, ...] = ()

    @property
    def confidence(self) -> float:
        """As sure as its words, on average, and as its rule."""
        return self.sure * (sum(word.sure for word in self.words) / len(self.words) if self.words else 1.0)

    def part(self, start: int, end: int) -> Place:
        """The words that hold the characters from `start` to before `end` of its text; a table's place stays whole."""
        words, at = [], 0
        for word in self.words:
            if at < end and at + len(word.text) > start:
                words.append(word)
            at += len(word.text) + 1
        return replace(self, box=around(words), words=tuple(words)) if words else self


def places(rule: Rule, sheets: Sequence[Sheet]) -> Iterator[Place]:
    """Every place the rule may mean, the likeliest first."""
    if rule.region is not None:
        yield from _in_region(rule.region, sheets)
    elif rule.column is not None:
        yield from _in_column(rule.column, sheets)
    elif rule.label is not None:
        for sheet in sheets:
            yield from _at_label(rule.label, rule, sheet)
    else:
        for sheet in sheets:
            yield from (_placed(line, sheet) for line in sheet.lines)


def _placed(words: Sequence[Word], sheet: Sheet, sure: float = 1.0) -> Place:
    return Place(" ".join(word.text for word in words), sheet.number, around(words), sure, tuple(words))


def around(held: Iterable[Word | Cell]) -> Box | None:
    """The smallest box that holds all of them."""
    boxes = [each.box for each in held if each.box is not None]
    if not boxes:
        return None
    return Box(
        min(each.left for each in boxes),
        min(each.top for each in boxes),
        max(each.right for each in boxes),
        max(each.bottom for each in boxes),
    )


def _in_region(region: Region, sheets: Sequence[Sheet]) -> Iterator[Place]:
    for sheet in sheets:
        if sheet.number == region.page:
            inside = [word for line in sheet.lines for word in line if _holds(region, word.box)]
            if inside:
                yield _placed(inside, sheet, BY_REGION)


def _holds(region: Region, box: Box) -> bool:
    across, down = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return region.left <= across <= region.right and region.top <= down <= region.bottom


def _in_column(header: str, sheets: Sequence[Sheet]) -> Iterator[Place]:
    for sheet in sheets:
        for table in sheet.tables:
            if not table:
                continue
            at = next((at for at, cell in enumerate(table[0]) if search(header, cell.text)), None)
            if at is not None:
                cells = [row[at] for row in table[1:] if at < len(row) and row[at].text.strip()]
                if cells:
                    text = "\n".join(cell.text.strip() for cell in cells)
                    yield Place(text, sheet.number, around(cells), BY_TABLE)


def _at_label(label: str, rule: Rule, sheet: Sheet) -> Iterator[Place]:
    for at, line in enumerate(sheet.lines):
        span = _label_in(label, line)
        if span is None:
            continue
        first, behind = span
        words = _below(sheet.lines, at, line[first:behind], rule.lines) if rule.below else _run(line[behind:])
        if words:
            yield _placed(words, sheet)


def _label_in(label: str, line: Sequence[Word]) -> tuple[int, int] | None:
    """The words of the label: the index of its first one, and of the one behind it."""
    text, starts = "", []
    for word in line:
        starts.append(len(text))
        text += word.text + " "
    found = search(label, text)
    if found is None or found.start() == found.end():
        return None
    first = max(at for at, start in enumerate(starts) if start <= found.start())
    behind = next((at for at, start in enumerate(starts) if start >= found.end()), len(line))
    return first, behind


def _run(words: Sequence[Word]) -> list[Word]:
    """Words up to a wide gap: what comes after it belongs to another column."""
    run: list[Word] = []
    for word in words:
        if run and word.box.left - run[-1].box.right > GAP:
            break
        if run or word.text.strip(":.-–#"):
            run.append(word)
    return run


def _below(lines: Sequence[Sequence[Word]], at: int, label: Sequence[Word], count: int) -> list[Word]:
    """Words of the next lines, from the label's left edge on."""
    left, found, taken = label[0].box.left, [], 0
    for line in lines[at + 1 :]:
        words = _run([word for word in line if word.box.left >= left - NEAR])
        if words and words[0].box.left <= left + GAP + NEAR:
            found += words
            taken += 1
        elif found:
            break
        if taken == count:
            break
    return found
