"""The demo's sheet as plain data: the columns of contacts.csv, and the columns that fill themselves in from them.

Each derived column has one locale, that of the data it reads; columns that read other derived columns read canonical
texts and need none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

CONTACTS: Final = Path(__file__).with_name("contacts.csv")
TRANSFORM: Final = "spreadsheets.transform"

FAIR_TITLES: Final = ("Name", "E-mail", "Phone")
SOURCE_TITLES: Final = ("Customer", "Name", "E-mail", "Phone", "Joined", "Amount", "City", "Note")


class DerivedColumn(NamedTuple):
    """A column filled in by an operator from other columns of the same row, listed before it."""

    title: str
    operator: str | None
    config: Mapping[str, object]
    inputs: tuple[str, ...]


def _transform(
    title: str, inputs: tuple[str, ...], *steps: Mapping[str, object], locale: str = "en_US"
) -> DerivedColumn:
    return DerivedColumn(title, TRANSFORM, {"steps": list(steps), "locale": locale}, inputs)


def _pattern(find: str, replacement: str) -> Mapping[str, object]:
    return {"op": "replace", "find": find, "replacement": replacement, "as_pattern": True}


DERIVED: Final = (
    _transform(
        "Full name",
        ("Name",),
        {"op": "trim"},
        _pattern("[„“”]", ""),
        _pattern(r"^(?i:dr)\. *", ""),
        _pattern(r"^([^,]+), *(.+)$", r"\2 \1"),
        {"op": "case", "to": "title"},
        locale="de_DE",
    ),
    _transform("First name", ("Full name",), {"op": "split", "index": 0}),
    _transform("Last name", ("Full name",), _pattern(r"^\S+ *", "")),
    _transform("Greeting", ("First name",), _pattern(r"^(.+)$", r"Hello \1")),
    _transform("E-mail address", ("E-mail",), {"op": "email"}),
    _transform("Domain", ("E-mail address",), {"op": "extract", "pattern": "@(.+)$", "group": 1}),
    _transform(
        "Company",
        ("Domain",),
        {"op": "extract", "pattern": r"([^.]+)\.[^.]+$", "group": 1},
        {"op": "replace", "find": "-", "replacement": " "},
        {"op": "case", "to": "title"},
    ),
    _transform("Card", ("Greeting", "Company"), {"op": "join", "separator": ", "}),
    _transform("Telephone", ("Phone",), {"op": "phone"}, locale="de_DE"),
    _transform("Joined on", ("Joined",), {"op": "date"}, locale="de_DE"),
    _transform("Year", ("Joined on",), {"op": "extract", "pattern": "^[0-9]{4}"}),
    _transform("Value", ("Amount",), {"op": "number"}, locale="de_DE"),
    _transform("Rounded", ("Value",), {"op": "number", "decimals": 0}),
    _transform("Contact line", ("Full name", "E-mail address", "Telephone"), {"op": "join", "separator": " · "}),
)

BY_HAND: Final = (_transform("Tidy", ("Text",), {"op": "trim"}, {"op": "case", "to": "title"}),)

FORMULA: Final = "spreadsheets.formula"
FETCH_PAGE: Final = "spreadsheets.fetch_page"


def letters(title: str) -> str:
    """The column a formula names: A for the first."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[[*SOURCE_TITLES, *(each.title for each in DERIVED)].index(title)]


VALUE: Final = letters("Value")
GROSS: Final = f'=IF(ISNUMBER({VALUE}{{row}}), ROUND({VALUE}{{row}} * 1.19, 4), "-")'
COMPUTED: Final = (
    DerivedColumn("Gross", FORMULA, {"formula": GROSS}, ()),
    _transform("Invoice", ("Gross",), _pattern(r"^(-?[0-9].*)$", r"EUR \1")),
    DerivedColumn("Figures", FORMULA, {}, ()),
)
FIGURES: Final = (
    f"=ROUND(SUM({VALUE}:{VALUE}), 2)",
    f"=COUNT({VALUE}:{VALUE})",
    f"=MAX({VALUE}:{VALUE})",
    "=ROUND(SUM(W:W), 2)",
    f'=COUNTIF({letters("Telephone")}:{letters("Telephone")}, "+49*")',
)

PAGE_SOURCES: Final = ("Address", "Title", "Description", "Text", "Links")
PAGE_DERIVED: Final = (
    DerivedColumn("Page", FETCH_PAGE, {}, ("Address",)),
    _transform("Headline", ("Title",), {"op": "case", "to": "upper"}),
)
