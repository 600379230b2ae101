"""Daily reports: one entry per employee and day, whatever the file looks like; what cannot be read has its line."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.reports.model.parsed import About
from workers.reports.rules import daily
from workers.reports.rules.daily import employee, heading_date, parsed_daily

ABOUT = About(name="daily-reports.md")
FIRST, SECOND = date(2026, 1, 15), date(2026, 1, 16)


def read(text: str, **about: object) -> tuple[list[tuple[str, date, str]], list[tuple[int | None, str]]]:
    entries, problems = parsed_daily(text, ABOUT.model_copy(update=about))
    return [(each.author, each.day, each.content) for each in entries], [(each.line, each.reason) for each in problems]


def test_a_file_is_split_at_its_date_headings_and_signed_at_the_top() -> None:
    text = "# Daily reports\n\n**Employee**: Ann Lee\n\n## 2026-01-15\n\n- did a\n\n## 2026-01-16\n- did b\n"
    assert read(text) == ([("Ann Lee", FIRST, "- did a"), ("Ann Lee", SECOND, "- did b")], [])


def test_each_day_may_be_signed_below_its_heading_by_several() -> None:
    text = "## 2026-01-15\n**Employee**: Ann\n- a\n\n**Employee:** Bob\n- b\n## Jan 16, 2026\n**employee** : Ann\n- c\n"
    assert read(text) == ([("Ann", FIRST, "- a"), ("Bob", FIRST, "- b"), ("Ann", SECOND, "- c")], [])


def test_a_heading_above_the_dates_begins_the_part_of_another_employee() -> None:
    text = "# Ann\n**Employee**: Ann\n## 2026-01-15\n- a\n# Bob\n**Employee**: Bob\n## 2026-01-15\n- b\n"
    assert read(text) == ([("Ann", FIRST, "- a"), ("Bob", FIRST, "- b")], [])


def test_an_employee_may_be_named_by_a_heading() -> None:
    text = "## 2026-01-15\n### Employee: Ann\n- a\n### Employee: Bob\n- b\n"
    assert read(text) == ([("Ann", FIRST, "- a"), ("Bob", FIRST, "- b")], [])
    assert read("# Employee: Ann\n## 2026-01-15\n- a\n") == ([("Ann", FIRST, "- a")], [])


def test_text_before_the_first_name_of_a_day_belongs_to_the_parts_author_or_to_the_first_named() -> None:
    assert read("**Employee**: Ann\n\n## 2026-01-15\nmine\n\n**Employee**: Bob\n\nhis\n")[0] == [
        ("Ann", FIRST, "mine"),
        ("Bob", FIRST, "his"),
    ]
    assert read("## 2026-01-15\nof both\n\n**Employee**: Bob\n\nhis\n")[0] == [("Bob", FIRST, "of both\n\nhis")]


@pytest.mark.parametrize(
    "code",
    [
        "```\n## 2026-01-16\n**Employee**: Eve\n```",
        "~~~~ python\n## 2026-01-16\n~~~\n## 2026-01-17\n~~~~",
        "    ## 2026-01-16",
        "<pre>\n## 2026-01-16\n</pre>",
        "> ## 2026-01-16\n> **Employee**: Eve",
        "- ## 2026-01-16",
        "##2026-01-16",
        "\\## 2026-01-16",
    ],
)
def test_what_only_looks_like_a_heading_is_content(code: str) -> None:
    text = f"**Employee**: Ann\n\n## 2026-01-15\n\nbefore\n\n{code}\n\nafter\n"
    assert read(text) == ([("Ann", FIRST, f"before\n\n{code}\n\nafter")], [])


def test_a_fence_that_is_never_closed_swallows_the_rest_as_markdown_says() -> None:
    assert read("**Employee**: Ann\n## 2026-01-15\n```\n## 2026-01-16\n")[0] == [("Ann", FIRST, "```\n## 2026-01-16")]


@pytest.mark.parametrize(
    "heading",
    [
        "## 2026-01-15", "## Date: 2026-01-15", "## **Date**: January 15, 2026", "## 📅 Thursday, 15.01.2026",
        "2026-01-15\n---",
        "## Daily Report – 15 Jan 2026", "## [2026-01-15](x.md)", "## 2026-01-15 – Sprint review", "## 2026-01-15 ##",
        "## Date\n\n2026-01-15", "# 2026-01-15", "### 2026-01-15", "## Jan 15", "## Report for 1/15/2026: done",
        "# Daily report of Bob, 2026-01-15", "# Daily update – Ann (Jan 15, 2026)", "## 15. Jänner 2026",
    ],
)  # fmt: skip
def test_headings_of_many_forms_are_dates(heading: str) -> None:
    entries, problems = read(f"**Employee**: Ann\n\n{heading}\n\n- a\n", name="daily 2026.md")
    assert [each[:2] for each in entries] == [("Ann", FIRST)]
    assert problems == []


def test_headings_of_a_day_stay_in_its_content() -> None:
    text = "**Employee**: Ann\n## 2026-01-15\n## Done\n- a\n### Blockers\n- none\n"
    assert read(text) == ([("Ann", FIRST, "## Done\n- a\n### Blockers\n- none")], [])


def test_a_date_heading_that_cannot_be_read_is_a_problem_with_its_line_and_hides_no_neighbour() -> None:
    text = "**Employee**: Ann\n## 2026-01-15\n- a\n## 2026-02-30\n- lost?\n## 2026-01-16\n- b\n"
    entries, problems = read(text)
    assert entries == [("Ann", FIRST, "- a"), ("Ann", SECOND, "- b")]
    assert problems == [(4, daily.NO_SUCH_DATE.format("2026-02-30"))]


def test_a_day_that_nobody_signed_is_a_problem_with_its_line_unless_the_person_said_who() -> None:
    text = "## 2026-01-15\n- a\n"
    assert read(text) == ([], [(1, daily.NO_AUTHOR)])
    assert read(text, author="Ann") == ([("Ann", FIRST, "- a")], [])
    assert len(read(text, author="Ann " * 200)[0][0][0]) <= daily.LONGEST_NAME
    assert read("## 2026-01-15\n**Employee**:\n- a\n") == ([], [(2, daily.NO_NAME), (1, daily.NO_AUTHOR)][::-1])


def test_a_file_without_dates_says_so() -> None:
    assert read("**Employee**: Ann\n\nnothing\n") == ([], [(None, daily.NO_DATES)])


def test_two_entries_of_one_employee_and_day_are_put_together() -> None:
    text = "**Employee**: Ann\n## 2026-01-15\n- a\n## 15.01.2026\n- b\n"
    entries, problems = read(text)
    assert entries == [("Ann", FIRST, "- a\n\n- b")]
    assert problems == [(4, daily.TWICE.format("Ann", "2026-01-15"))]


def test_a_part_below_no_date_is_noted() -> None:
    text = "**Employee**: Ann\n## 2026-01-15\n- a\n# Appendix\nremarks\n"
    entries, problems = read(text)
    assert entries == [("Ann", FIRST, "- a")]
    assert problems == [(4, daily.NO_DATE_HERE)]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("**Employee**: Ann Lee", "Ann Lee"),
        ("**Employee:** Ann  Lee", "Ann Lee"),
        ("Employee: Ann Lee <ann@example.org>", "Ann Lee"),
        ("- **Employee**: [Ann Lee](https://example.org)", "Ann Lee"),
        ("**EMPLOYEE** : *Ann Lee* (QA)", "Ann Lee"),
        ("**Employee Name**: Zoe\u0308 Ünal", "Zoë Ünal"),
        ("*Employee*: Ann Lee", "Ann Lee"),
        ("👤 **Employee**: Ann Lee", "Ann Lee"),
        ("**Employee**:", ""),
        ("Employees: everybody", None),
        ("The employee: somebody", None),
    ],
)
def test_the_line_that_names_the_employee(line: str, name: str | None) -> None:
    assert employee(line) == name


names = st.text(st.characters(categories=("Lu", "Ll")), min_size=1, max_size=12)
bodies = st.lists(st.sampled_from(["- a", "text", "```\n## 2026-01-01\n```", "### Done", "> quote", ""]), max_size=6)
written = st.lists(st.tuples(names, bodies), min_size=1, max_size=8)


@given(written, st.sampled_from(["{0:%Y}-{0:%m}-{0:%d}", "{0:%B} {0.day}, {0:%Y}", "Date: {0.day}.{0.month}.{0:%Y}"]))
def test_every_day_written_is_an_entry_with_its_own_text(parts: list[tuple[str, list[str]]], form: str) -> None:
    """Split and put together again: no line is lost and none moves to another day."""
    days = [FIRST + timedelta(days=at) for at in range(len(parts))]
    text = "".join(
        f"## {form.format(day)}\n\n**Employee**: {name}\n\n" + "\n\n".join(body) + "\n\n"
        for day, (name, body) in zip(days, parts, strict=True)
    )
    entries, problems = parsed_daily(text, ABOUT)
    assert [(each.author, each.day) for each in entries] == [
        (daily.person(name), day) for day, (name, _) in zip(days, parts, strict=True)
    ]
    assert [each.content.split() for each in entries] == [" ".join(body).split() for _, body in parts]
    assert problems == ()


@given(st.text(alphabet=st.sampled_from("#*-`~> \n:ab12026-/.Employee"), max_size=300))
def test_no_file_breaks_the_parser_and_every_line_it_names_exists(text: str) -> None:
    entries, problems = parsed_daily(text, ABOUT)
    count = len(text.split("\n"))
    assert all(1 <= each.line <= count and each.author for each in entries)
    assert all(each.line is None or 1 <= each.line <= count for each in problems)
    assert len({(each.author, each.day) for each in entries}) == len(entries)


@given(st.text(max_size=80))
def test_no_heading_breaks_the_grammar(text: str) -> None:
    is_date, reading = heading_date(text, year=2026)
    assert is_date or reading is None
