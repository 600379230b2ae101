"""Conditions are parsed and written anew; what is not in our small language is refused at its place."""

from __future__ import annotations

import pytest

from workers.turns.model.shapes import Column, Layout
from workers.turns.rules.tokens import Refused
from workers.turns.rules.where import condition

COLUMNS = tuple(
    Column(name, kind)
    for name, kind in (("id", "uuid"), ("title", "text"), ("n", "int4"), ("at", "timestamptz"), ("Odd Name", "text"))
)
LAYOUT = Layout(1, "public", "issues", "x", COLUMNS)


def written(text: str, **params: str) -> str:
    return condition(text, {int(name[1:]): each for name, each in params.items()}, LAYOUT).on("r")


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("title = 'a'", "(r.\"title\" = 'a')"),
        ("TITLE='it''s'", "(r.\"title\" = 'it''s')"),
        ('"Odd Name" is not null', '(r."Odd Name" is not null)'),
        ("n > 1 and n<=5 or not n = 3", '(((r."n" > 1) and (r."n" <= 5)) or (not (r."n" = 3)))'),
        ("n in (1, 2,3)", '(r."n" in (1, 2, 3))'),
        ("n not between -1 and 2.5", '(r."n" not between (-1) and 2.5)'),
        ("title not ilike 'a%'", "(r.\"title\" not ilike 'a%')"),
        ("n is distinct from null", '(r."n" is distinct from null)'),
        ("id = any ('{a,b}'::uuid[])", "(r.\"id\" = any (('{a,b}')::uuid[]))"),
        ("title = any(array['a', 'b'])", "(r.\"title\" = any (array['a', 'b']))"),
        ("coalesce(lower(title), 'x') <> upper('y')", "(coalesce(lower(r.\"title\"), 'x') <> upper('y'))"),
        ("id::text like 'a%'", "((r.\"id\")::text like 'a%')"),
        ("1=1", "(1 = 1)"),
        ("issues.n != 1", '(r."n" <> 1)'),
        ("title = 'a\\'", "(r.\"title\" =  E'a\\\\')"),
    ],
)
def test_what_is_in_the_language_is_written_anew(text: str, sql: str) -> None:
    assert written(text) == sql


def test_a_parameter_becomes_a_literal_and_nothing_else() -> None:
    assert written("title = $1 or title = $2", _1="x' or true --", _2="$1") == (
        "((r.\"title\" = 'x'' or true --') or (r.\"title\" = '$1'))"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 x 1", 'At location 17: syntax error at or near "x"'),
        ("", 'At location 15: syntax error at or near "end of input"'),
        ("1=1) OR pg_sleep(9) IS NULL --", 'At location 18: syntax error at or near ")"'),
        ("pg_sleep(9) is null", "At location 15: unknown function pg_sleep"),
        ("title = (select password_hash from users limit 1)", 'At location 24: syntax error at or near "select"'),
        ("exists(select 1)", "At location 15: subqueries are not supported"),
        ("password_hash = 'x'", "At location 15: unknown reference password_hash"),
        ("users.id = 'x'", "At location 15: unknown reference users"),
        ("title = $9", "At location 23: Parameter $9 was not provided"),
        ("title = 'a' -- b", 'At location 27: syntax error at or near "-"'),
        ("title = 'a'; drop table users", 'At location 26: syntax error at or near "; drop tab"'),
        ("title = $$a$$", 'At location 23: syntax error at or near "$$a$$"'),
        ("title::int = 5", "At location 22: a column may be cast to text only"),
        ("title like title", "At location 26: like takes a text or a parameter"),
        ("title like 'a\\'", "At location 26: a pattern may not end in a single backslash"),
        ("at > 'now'", "a condition may not depend on the time of day; write the time itself"),
        ("at > 'yesterday 12:00'", "a condition may not depend on the time of day; write the time itself"),
        ("n = /* */ 1", 'At location 19: syntax error at or near "/* */ 1"'),
    ],
)
def test_what_is_not_is_refused_at_its_place(text: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        written(text)
    assert str(refused.value) == told


def test_length_and_depth_are_bounded() -> None:
    with pytest.raises(Refused, match="longer than"):
        written("n = 1 or " * 12_000 + "n = 1")
    with pytest.raises(Refused, match="nested"):
        written("(" * 500 + "n = 1" + ")" * 500)
    with pytest.raises(Refused, match="nested"):
        written("not " * 500 + "n = 1")


def test_a_word_of_the_clock_in_a_text_column_is_a_word() -> None:
    assert written("title = 'today'") == "(r.\"title\" = 'today')"
