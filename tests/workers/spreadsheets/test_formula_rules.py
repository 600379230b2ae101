"""What a formula reads and may hold, how values come and go, and which circles would never come to rest."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.spreadsheets.asides.formulas import calculated, canonical
from workers.spreadsheets.rules import formulas
from workers.spreadsheets.rules.references import ANY, columns_read, feeding_themselves, position_of, refusal

RESULTS = 26  # the column of formulas in these tests: Z


def computed(*texts: str, **cells: tuple[str, str] | str) -> list[tuple[str, str]]:
    """Formulas over cells given as A1="12" or A1=("2026-01-31", "date")."""
    inputs = []
    for place, given_as in cells.items():
        content, kind = (given_as, "text") if isinstance(given_as, str) else given_as
        inputs.append(formulas.input_column(position_of(place[0]), [int(place[1:])], [content], [kind]))
    asked = {"inputs": inputs, "formulas": [{"column": RESULTS, "rows": range(1, len(texts) + 1), "texts": texts}]}
    (found,) = orjson.loads(calculated(orjson.dumps(asked, default=list)))
    return [tuple(each) for each in found]


@pytest.mark.parametrize(
    ("formula", "value", "kind"),
    [
        ("=A1*2", "25", "number"),
        ("=sum(a1:a2)", "19.5", "number"),
        ("=A1=12.5", "TRUE", "boolean"),
        ("=NOT(C1)", "FALSE", "boolean"),
        ('=A1&" pieces"', "12.5 pieces", "text"),
        ("=B1+30", "2026-03-02", "date"),
        ("=DAYS(B1,DATE(2026,1,1))", "30", "number"),
        ("=DATE(2024,2,29)", "2024-02-29", "date"),
        ("=D1", "01234", "text"),
        ("=E1", "=1+1", "text"),
        ("=F1", "+49301234567", "text"),
        ("=G1", "12345678901234567", "text"),
        ("=0.1+0.2", "0.3", "number"),
        ("=1/3", "0.333333333333333", "number"),
        ("=-0", "0", "number"),
        ("=10^30", "1e+30", "number"),
        ('=""', "", "text"),
        ("=X99", "0", "number"),
        ("=1/0", "#DIV/0!", "error"),
        ("=Other!A1", "#REF!", "error"),
        ("=FOO(1)", "#NAME?", "error"),
        ('=WEBSERVICE("http://127.0.0.1/")', "#NAME?", "error"),
        ('=INFO("directory")', "#N/IMPL!", "error"),
        ("=SUM(", "#ERROR!", "error"),
        ("=1+H1", "#VALUE!", "error"),
        ("=Z1", "#CIRC!", "error"),
        ("=NA()", "#N/A", "error"),
        ('=IFERROR(1/0,"none")', "none", "text"),
        ('=VLOOKUP("b",H1:A2,1,FALSE)', "#N/A", "error"),
        ('=REPT("x",40000)', "#VALUE!", "error"),
    ],
)
def test_formulas_compute_as_in_a_spreadsheet(formula: str, value: str, kind: str) -> None:
    found = computed(
        formula,
        A1="12.5",
        A2="7",
        B1=("2026-01-31", "date"),
        C1="TRUE",
        D1="01234",
        E1="=1+1",
        F1=("+49301234567", "phone"),
        G1="12345678901234567",
        H1="word",
    )
    assert found == [(value, kind)]


@given(st.text(max_size=40), st.sampled_from(["text", "number", "date", "phone", "boolean"]))
def test_whatever_a_cell_holds_a_formula_never_computes_it(content: str, kind: str) -> None:
    (found,) = computed("=A1", A1=(content.replace("\x00", ""), kind))
    assert found[1] != "error"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-10, "1e-10"),
        (-2.50, "-2.5"),
        (1e5, "100000"),
    ],
)
def test_numbers_are_shown_plainly(value: float, text: str) -> None:
    assert canonical(value) == text


@pytest.mark.parametrize(
    ("formula", "read"),
    [
        ("=A1+b2", {1, 2}),
        ("=SUM($C$1:E$9)", {3, 4, 5}),
        ("=SUM(E:C)", {3, 4, 5}),
        ("=AA1", {27}),
        ('="A1"&B1', {2}),
        ('="say ""A1"""&B1', {2}),
        ("=SUM(1:3)", {ANY}),
        ("=INDIRECT(A1)", {ANY, 1}),
        ("=OFFSET(B1,1,1)", {ANY, 2}),
        ("=1.5E3", set()),
        ("=LOG10(A1)", {1}),
    ],
)
def test_the_columns_of_a_formula_are_read_off_its_text(formula: str, read: set[int]) -> None:
    assert columns_read(formula) == read


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("=" + "1+" * 5000 + "1", "longer than 8,192"),
        ("=" + "(" * 65 + "1" + ")" * 65, "nested"),
        ("=" + "-" * 6000 + "1", "nested"),
        ("=" + "- " * 100 + "1", "nested"),
        ("=RAND()", "RAND gives another value"),
        ("=1+randbetween (1,2)", "RANDBETWEEN gives"),
        ("=NOW()", "NOW gives"),
        ("=TODAY()", None),
        ('="NOW()"', None),
        ("=" + "(" * 60 + "1" + ")" * 60, None),
    ],
)
def test_some_formulas_are_refused_before_they_are_computed(formula: str, words: str | None) -> None:
    found = refusal(formula)
    assert (found is None) if words is None else (found is not None and words in found)


@pytest.mark.parametrize(
    ("reads", "filled", "looped"),
    [
        ({3: {1}}, [(2, 1)], set()),
        ({3: {2}}, [(2, 3)], {3}),
        ({3: {3, 1}}, [(2, 3)], set()),
        ({3: {4}, 4: {3}}, [], set()),
        ({3: {4}, 5: {2}}, [(4, 5), (2, 3)], {3, 5}),
        ({3: {ANY}}, [(2, 1)], set()),
        ({3: {ANY}}, [(2, 3)], {3}),
        ({3: {4}, 4: {2}}, [(2, 3)], {3, 4}),
    ],
)
def test_a_circle_over_a_filled_column_is_found(
    reads: dict[int, set[int]], filled: list[tuple[int, int]], looped: set[int]
) -> None:
    assert feeding_themselves(reads, filled) == looped


def column(*cells: tuple[str | None, str | None, str], config: str = "{}", position: int = 3) -> dict[str, Any]:
    """A record of formulas_of_sheet: (content, shown, kind) per cell."""
    return {
        "position": position,
        "config": config,
        "revision": 7,
        "ids": [uuid4() for _ in cells],
        "rows": list(range(1, len(cells) + 1)),
        "contents": [content for content, *_ in cells],
        "shown": [shown for _, shown, _ in cells],
        "types": [kind for *_, kind in cells],
        "errors": [None for _ in cells],
    }


def test_only_what_shows_otherwise_is_written() -> None:
    found = column(("=A1", "1", "number"), ("=A2", "1", "number"), ("=A3", None, "text"), ("plain", None, "text"))
    asked = formulas.question([found], [])
    written = formulas.changes(asked, [[("1", "number"), ("2", "number"), ("#DIV/0!", "error")]])
    assert [(each.cell_id, each.formatted_content["value"]) for each in written] == [
        (found["ids"][1], "2"),
        (found["ids"][2], "#DIV/0!"),
    ]
    assert (written[0].based_on, written[1].formatted_content["error"]) == (7, "The formula divides by zero.")
    assert [each["contents"] for each in formulas.inputs(asked, [], [])] == [["plain"]]


def test_blank_cells_compute_the_formula_of_their_column() -> None:
    found = column((None, None, "text"), ("=1", None, "text"), config='{"formula": "=A{row}*2"}')
    assert formulas.question([found], []).asked() == [{"column": 3, "rows": [1, 2], "texts": ["=A1*2", "=1"]}]


def test_a_failure_shows_in_every_formula_once() -> None:
    asked = formulas.question([column(("=A1", "1", "number"), ("=A2", None, "text"))], [])
    written = formulas.failed(asked, "it took longer than 10 s")
    assert len(written) == 2
    assert "longer than 10 s" in written[0].formatted_content["error"]
    repeated = column(("=A1", "#ERROR!", "error"))
    repeated["errors"] = [written[0].formatted_content["error"]]
    assert formulas.failed(formulas.question([repeated], []), "it took longer than 10 s") == []


def test_only_columns_that_a_formula_reads_are_asked_for() -> None:
    columns = [
        {"id": UUID(int=at), "position": at, "operator": formulas.FORMULA if at == 3 else None} for at in range(1, 6)
    ]
    asked = formulas.question([column(("=A1+SUM(D:D)", None, "text"))], [])
    assert [each["position"] for each in asked.wanted(columns)] == [1, 4]
    everything = formulas.question([column(("=INDIRECT(A1)", None, "text"))], [])
    assert [each["position"] for each in everything.wanted(columns)] == [1, 2, 4, 5]
