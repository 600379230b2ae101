"""The pure decisions of sessions: what is proposed, what an answer may say, what is merged."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.spreadsheets.model.sessions import Choice, Question, ReplaceCell
from workers.spreadsheets.rules.sessions import answers, duplicates, mapping, review
from workers.spreadsheets.rules.sessions.duplicates import Contact
from workers.spreadsheets.rules.sessions.review import Fetched

QUESTION = Question("Which?", (Choice("1", "one", {"merge": "m", "keep": "k"}, "merge"),))


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"choices": {"1": "keep"}}, None),
        ({"choices": {}}, None),
        ({"choices": {"1": "other"}}, "choices.1: choose one of 'merge', 'keep'"),
        ({"choices": {"2": "keep"}}, "choices: there is a key that was not asked for"),
        ({}, "the answer: 'choices' is needed"),
        ({"choices": 7}, "choices: must be of the type object"),
        ([], "the answer: must be of the type object"),
    ],
)
def test_an_answer_fits_its_schema_or_is_told_what_does_not(answer: Any, told: str | None) -> None:
    assert answers.fault(answer, QUESTION.schema()) == told


def test_what_is_not_answered_takes_its_default() -> None:
    defaults = answers.defaults_of(QUESTION.form())
    assert answers.decided({"choices": {}}, defaults) == {"1": "merge"}
    assert answers.decided({"choices": {"1": "keep"}}, defaults) == {"1": "keep"}


# --- duplicates ------------------------------------------------------------------------------------------------------


def groups(*contacts: Contact, likeness: int = 88) -> list[list[int]]:
    return [group["rows"] for group in duplicates.groups_of(contacts, likeness)]


def test_the_same_address_or_phone_or_name_makes_a_group() -> None:
    assert groups(Contact(1, "Ada", "a@x.org"), Contact(2, "Someone Else", "A@x.org")) == [[1, 2]]
    assert groups(Contact(1, "Ada Lovelace", "", "+491"), Contact(2, "Lovelace Ada K.", "", "+491")) == [[1, 2]]
    assert groups(Contact(1, "Ada Lovelace"), Contact(2, "Lovelace, Ada")) == [[1, 2]]


def test_what_tells_two_people_apart_keeps_them_apart() -> None:
    assert groups(Contact(1, "Ada Lovelace", "", "+491"), Contact(2, "Bob Smith", "", "+491")) == []
    one, other = Contact(1, "John Smith", "j@a.org", "+1"), Contact(2, "John Smith", "j@b.org", "+2")
    assert groups(one, other) == []
    assert groups(Contact(1, "John Smith", company="Acme"), Contact(2, "John Smith", company="Other Inc")) == []
    assert groups(Contact(1, ""), Contact(2, "")) == []


def test_chains_are_one_group_and_the_fullest_row_is_kept() -> None:
    found = duplicates.groups_of(
        [
            Contact(1, "Ada Lovelace"),
            Contact(2, "Lovelace Ada", "a@x.org"),
            Contact(3, "A. Lovelace", "a@x.org", "+49", "Engines"),
        ],
        88,
    )
    assert [(group["rows"], group["keep"]) for group in found] == [([1, 2, 3], 3)]
    assert found[0]["score"] <= 100


@given(st.lists(st.text("abc ", max_size=6), max_size=12))
def test_groups_share_no_row_and_the_order_of_rows_decides_nothing(names: list[str]) -> None:
    contacts = [Contact(row, name) for row, name in enumerate(names, start=1)]
    found = duplicates.groups_of(contacts, 80)
    rows = [row for group in found for row in group["rows"]]
    assert len(rows) == len(set(rows))
    assert all(group["keep"] in group["rows"] for group in found)
    assert all(one["score"] >= other["score"] for one, other in pairwise(found))
    backwards = duplicates.groups_of(contacts[::-1], 80)
    assert {frozenset(group["rows"]) for group in found} == {frozenset(group["rows"]) for group in backwards}


def test_a_merge_fills_before_it_empties_and_takes_nothing_that_is_there() -> None:
    column, blank = uuid4(), uuid4()
    kept, one, two = uuid4(), uuid4(), uuid4()
    cells: dict[UUID, dict[int, tuple[UUID, str | None]]] = {
        column: {1: (kept, None), 2: (one, "from 2"), 3: (two, "from 3")},
        blank: {2: (uuid4(), "only here")},
    }
    made = uuid4()
    changes, new = duplicates.merged({"rows": [1, 2, 3], "keep": 1}, cells, {blank: made})
    assert changes[0] == ReplaceCell(kept, None, "from 2")
    assert {(each.cell_id, each.content) for each in changes[1:3]} == {(one, None), (two, None)}
    assert new == {blank: "only here"}


def test_a_question_of_an_older_session_names_no_row_any_more() -> None:
    assert duplicates.placed({"rows": [1, 2], "keep": 1}, {"a": 1}) is None
    assert review.standing([{"row": 1, "why": "it failed", "error": True}], {1: (uuid4(), "https://a.example")}) == {}


def test_a_crowd_of_one_name_is_not_compared_pair_by_pair() -> None:
    contacts = [Contact(row, f"John {row}") for row in range(1, 4000)]
    compared = sum(1 for _ in duplicates._pairs(contacts))
    assert compared <= duplicates.CROWD**2


@pytest.mark.parametrize(
    ("part", "content", "clean"),
    [
        ("name", "  Ada\u00a0 Lovelace ", "Ada Lovelace"),
        ("email", "Ada <ADA@Example.ORG>", "ADA@example.org"),
        ("phone", "030 1234567", "+49301234567"),
        ("phone", "ask at the desk", "ask at the desk"),
        ("email", "none", "none"),
    ],
)
def test_what_can_be_read_is_cleaned_and_the_rest_stays(part: str, content: str, clean: str) -> None:
    assert duplicates.cleaned(part, content, "de_DE") == clean


# --- mapping ---------------------------------------------------------------------------------------------------------

COLUMNS: list[dict[str, Any]] = [
    {"id": uuid4(), "title": title} for title in ("Name", "E-mail", "Phone", "Company", "Since")
]


def proposal(header: list[str], *rows: Sequence[str | None]) -> dict[str, str]:
    titles = {column["id"]: column["title"] for column in COLUMNS}
    return {header[at]: titles[place] for at, place in mapping.proposed(header, rows, COLUMNS).items()}


def test_columns_are_known_by_title_and_by_what_stands_in_them() -> None:
    header = ["contact", "X1", "Tel.", "Firma", "phone"]
    row = ["Ada", "ada@example.org", "+49 30 1234567", "Engines", "+49 30 7654321"]
    assert proposal(header, row) == {"contact": "Name", "X1": "E-mail", "Firma": "Company", "phone": "Phone"}


def test_a_column_is_given_once_and_what_fits_nowhere_is_new() -> None:
    assert proposal(["Name", "NAME"], ["a", "b"]) == {"Name": "Name"}
    assert proposal(["Revenue"], ["100"]) == {}


def test_two_into_one_is_noticed_and_left_out_is_left_out() -> None:
    assert mapping.taken_twice({"0": "a", "1": "a", "2": "new", "3": "new"}) == "a"
    assert mapping.taken_twice({"0": "a", "1": "b", "2": "out", "3": "out"}) is None
    assert mapping.outcome_of({"0": "a", "1": "out", "2": "new"}, ["x", "y", "z"]) == {
        "places": [0, 2],
        "columns": ["a", "new"],
    }


# --- review ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "doubtful"),
    [
        (Fetched(1, "https://engines.example", "Engines", "Engines Ltd: steam"), False),
        (Fetched(1, "https://www.engines.example", "Engines", "Welcome", "to our shop"), False),
        (Fetched(1, "https://parked.example", "Engines", "Buy this domain"), True),
        (Fetched(1, "https://x.example", "Engines"), True),
        (Fetched(1, "https://x.example", "", "Anything"), False),
        (Fetched(1, "https://x.example", "Engines", error="the server answers 404"), True),
    ],
)
def test_a_page_is_doubtful_where_it_failed_or_speaks_of_something_else(page: Fetched, doubtful: bool) -> None:
    assert bool(review.doubts([page], 60)) is doubtful
