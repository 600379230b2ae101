"""The demo's expected values and the rules are two programs: they must agree on every cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import starmap

import pytest

from demo.expected import Expected, expected_cells, expected_row, read_rows
from demo.make_contacts import HEADER, ROWS, contacts
from demo.producer import EDITABLE
from demo.sheet import CONTACTS, DERIVED, SOURCE_TITLES, TRANSFORM
from workers.spreadsheets.adapter import open_table
from workers.spreadsheets.model import Transform
from workers.spreadsheets.rules import apply

SOURCES = list(read_rows(CONTACTS))
CONFIGURED = [(column, Transform.model_validate(column.config)) for column in DERIVED]


def filled_in(source: Mapping[str, str | None]) -> dict[str, Expected]:
    """The derived cells as the rules fill them in, column by column."""
    contents = dict(source)
    cells: dict[str, Expected] = {}
    for column, config in CONFIGURED:
        value = apply([contents[title] for title in column.inputs], config)
        contents[column.title] = value.content
        cells[column.title] = Expected(value.content, value.cell_type == "error")
    return cells


def disagreements() -> Iterator[tuple[object, ...]]:
    for number, source in enumerate(SOURCES, start=1):
        found, expected = filled_in(source), expected_cells(source)
        yield from (
            (number, title, source, found[title], expected[title])
            for title in expected
            if found[title] != expected[title]
        )


def test_rules_and_expected_values_agree_on_every_cell() -> None:
    assert list(disagreements()) == []


@pytest.mark.parametrize(
    "edit",
    [
        {"Name": None},
        {"Name": "  "},
        {"Name": "mcdonald, o'brien"},
        {"E-mail": "New@Oak-And-Sons.example"},
        {"E-mail": "nobody"},
        {"Phone": "+1 650 253 0000"},
        {"Joined": "2023-02-29"},
        {"Joined": "1. Mai 2023"},
        {"Amount": "-0,00"},
        {"Amount": "2.345,5"},
    ],
)
def test_rules_and_expected_values_agree_on_edited_cells(edit: dict[str, str | None]) -> None:
    source = SOURCES[6] | edit
    assert filled_in(source) == expected_cells(source)
    assert {title: cell.content for title, cell in filled_in(source).items()} == expected_row(source)


@pytest.mark.parametrize("title", EDITABLE)
def test_rules_and_expected_values_agree_on_whatever_the_producer_writes(title: str) -> None:
    edited = [SOURCES[0] | {title: text} for text in EDITABLE[title]]
    assert [filled_in(source) for source in edited] == [expected_cells(source) for source in edited]


def test_the_committed_file_is_the_one_the_generator_makes() -> None:
    assert CONTACTS.read_bytes().decode() == contacts()


def test_the_file_is_read_alike_by_the_adapter_and_by_plain_code() -> None:
    with open_table(CONTACTS) as table:
        assert (table.header, table.row_count) == (HEADER, ROWS)
        assert [dict(zip(HEADER, row, strict=True)) for row in table.rows(0, ROWS)] == SOURCES


def test_every_derived_column_reads_columns_before_it() -> None:
    known = list(SOURCE_TITLES)
    for column in DERIVED:
        assert column.operator == TRANSFORM
        assert set(column.inputs) <= set(known)
        known.append(column.title)
    assert len(set(known)) == len(known)


def test_the_cascades_are_at_least_three_columns_deep() -> None:
    depths: dict[str, int] = dict.fromkeys(SOURCE_TITLES, 0)

    def with_depth(title: str, _operator: str, _config: object, inputs: tuple[str, ...]) -> int:
        depths[title] = 1 + max(depths[name] for name in inputs)
        return depths[title]

    assert max(starmap(with_depth, DERIVED)) >= 3


def test_the_file_is_messy_in_every_column() -> None:
    """Each checked column has good, blank and wrong cells, so that the demo shows all three."""
    cells = [expected_cells(source) for source in SOURCES]
    for title in ("E-mail address", "Telephone", "Joined on", "Value"):
        kinds = {(row[title].content is not None, row[title].is_error) for row in cells}
        assert kinds == {(True, False), (False, False), (False, True)}


def test_derived_columns_have_titles_of_their_own() -> None:
    assert not {column.title for column in DERIVED} & set(SOURCE_TITLES)
