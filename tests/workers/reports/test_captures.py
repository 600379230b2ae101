"""Jira epic trees and Slack exports: of which week, of which channel, and nothing secret kept."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.reports.model.parsed import About, Kind
from workers.reports.rules import captures
from workers.reports.rules.captures import channel_in, parsed_jira, parsed_slack
from workers.reports.rules.files import EMPTY, UNKNOWN, parsed
from workers.reports.rules.names import kind_of
from workers.reports.rules.sanitise import sanitised

WEEK = date(2026, 1, 12), date(2026, 1, 18)
TREE = "# Epics\n\n- **ROCK-1** Epic: Sign in\n  - ROCK-12 form\n  - ROCK-13 mail\n- ROCK-2 Epic: Search\n"


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("epic_tree_2026-W03.md", ""),
        ("epic_tree_2026-01-12_2026-01-18.md", ""),
        ("epic_tree_2026-01-12_to_2026-01-18.md", ""),
        ("epic_tree_2026-01-14.md", ""),
        ("epic_tree.md", "Week: 2026-01-12 to 2026-01-18\n\n"),
        ("epic_tree.md", "**Period:** January 12 – January 18, 2026 (2026-W03)\n\n"),
        ("jira/12 Jan 2026 - 18 Jan 2026.md", ""),
        ("jira 2026-W3.md", ""),
        ("jira/2026/W03/epics.md", ""),
        ("epic_tree.md", "Week 3 of 2026\n\n"),
        ("epic_tree KW03_2026.md", ""),
    ],
)
def test_the_week_of_a_tree_stands_in_its_head_or_its_name(name: str, head: str) -> None:
    made, problems = parsed_jira(head + TREE, About(name=name))
    assert problems == ()
    assert made is not None
    assert ((made.week_start, made.week_end), made.issues, made.epics) == (WEEK, 4, 2)


def test_what_the_person_said_about_the_week_counts_first() -> None:
    about = About(name="epic_tree_2026-W09.md", week_start=WEEK[0], week_end=WEEK[1])
    made, _ = parsed_jira(TREE, about)
    assert made is not None
    assert (made.week_start, made.week_end) == WEEK


def test_a_capture_of_no_week_is_a_problem() -> None:
    assert parsed_jira(TREE, About(name="epic_tree.md"))[1][0].reason == captures.NO_WEEK
    assert parsed_slack("# #general\nhi", About(name="slack.md"))[1][0].reason == captures.NO_WEEK


def test_a_slack_export_is_one_dump_per_channel() -> None:
    general = "## #general\n\n**Ann** 09:30\nhello\n\n**Bob** 09:31\nhi\n\n"
    text = f"# Slack 2026-W03\n\n{general}## #dev-ops\n\n**Ann** 10:00\nok\n"
    made, problems = parsed_slack(text, About(name="export.md"))
    assert problems == ()
    assert [(each.channel, each.messages, each.week_start) for each in made] == [
        ("general", 2, WEEK[0]),
        ("dev-ops", 1, WEEK[0]),
    ]
    assert "ok" not in made[0].content
    assert "hello" not in made[1].content


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("slack_dev-ops_2026-W03.md", "dev-ops"),
        ("slack/dev-ops 2026-01-12.md", "dev-ops"),
        ("slack-general-2026-01-12_2026-01-18.md", "general"),
        ("slack/2026/W03/general.md", "general"),
        ("slack_export_proj_rocks_2026-W03.md", "proj_rocks"),
        ("slack/export_2026-W03.md", None),
    ],
)
def test_the_channel_may_stand_in_the_name_alone(name: str, channel: str | None) -> None:
    made, problems = parsed_slack("**Ann** 09:30 hello", About(name=name))
    assert [each.channel for each in made] == ([] if channel is None else [channel])
    assert [each.reason for each in problems] == ([captures.NO_CHANNEL] if channel is None else [])


def test_a_channel_is_named_and_an_issue_is_no_channel() -> None:
    assert channel_in("Channel: random") == "random"
    assert channel_in("# #2026-planning") == "2026-planning"
    assert channel_in("see issue #12 of today") is None


SECRETS = {
    "xoxb-123456789012-abcdefABCDEF": "abcdef",
    "ghp_abcdefghijklmnopqrstuvwxyz0123": "ghij",
    "AKIAIOSFODNN7EXAMPLE": "IOSF",
    "sk-abcdefghijklmnop1234": "ijkl",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4": "KKF2",
    "ann.lee+x@mail.example.org": "ann",
    "+49 170 1234567": "12345",
    "password: hunter22": "hunter22",
    "api_key = 'abcd1234efgh'": "abcd",
    "Bearer abcdefghijklmnop": "ijkl",
    "the secret is opensesame": "opensesame",
    "postgresql://app:pa55word@db/x": "pa55word",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----": "MIIE",
}


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_and_addresses_of_people_are_replaced(secret: str) -> None:
    text, count = sanitised(f"look, {secret} , thanks")
    assert count >= 1
    assert text.startswith("look, ")
    assert text.endswith(", thanks")
    assert SECRETS[secret] not in text


def test_ordinary_words_stay() -> None:
    text = (
        "We met at 10:30 about ROCK-12; the token ring and 2026-01-15 are fine. See https://example.org/a@b/c, 555-12."
    )
    assert sanitised(text) == (text, 0)


PHONES = (
    *("(555) 123-4567", "(555)123-4567", "555-123-4567", "555.123.4567", "1-800-555-1234", "1 (555) 123 4567"),
    *("0170 1234567", "0170/1234567", "0170-123 45 67", "01701234567", "(0170) 1234567", "089 / 1234567"),
    *("01 23 45 67 89", "01.23.45.67.89", "020 7946 0958", "02 1234 5678", "0049 170 1234567", "+1 555 123 4567"),
)


@pytest.mark.parametrize("phone", PHONES)
def test_telephone_numbers_are_replaced_as_a_nation_writes_them_and_what_stands_beside_them_stays(phone: str) -> None:
    for before, after in (("tel:", ", thanks"), ("Ann,", ",x"), ("call ", "."), ("", "\n2026-01-15 10:30"), ("(", ")")):
        assert sanitised(f"{before}{phone}{after}") == (f"{before}[phone]{after}", 1)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-15 10:30", "01.02.2026 10:30", "01/02/2026 03/04/2026", "08 2026-01-15", "01/2026-02/2026"),
        *("2026-01-15T09:30:00.012345678", "00:00:01,000 --> 00:00:02,000", "0930-1015", "Jan 05 2026 - 100 items"),
        *("ROCK-0123456789", "ROCK-555-123-4567", "#0123456789", "https://example.org/0123456789", "555-12"),
        *("100 000 000", "1,000,000.00", "10.000.000 EUR", "0.123456789", "1700000000.012345", "100-200-3000"),
        *("00000000-0000-4000-8000-000000000009", "192.168.100.1234", "ISBN 0-306-40615-2", "03 04 05 06 07 08 09"),
    ],
)
def test_dates_times_tickets_and_amounts_are_no_telephone_numbers(text: str) -> None:
    for each in (text, f"on {text} it was", f"({text})"):
        assert sanitised(each) == (each, 0)


@given(st.lists(st.sampled_from(["0", "1", "555", "(", ")", " ", "-", "/", ".", "[phone]"]), max_size=60))
def test_digits_of_any_kind_are_sanitised_once(parts: list[str]) -> None:
    once, _ = sanitised("".join(parts))
    assert sanitised(once) == (once, 0)


def test_long_rows_of_digits_are_sanitised_in_linear_time() -> None:
    for piece in ("0", "0 ", "01-", "(0", "555-", "01 23 ", "0170   ", "(555) 123-456"):
        began = time.process_time()
        sanitised(piece * 100_000)
        assert time.process_time() - began < 20


@given(st.lists(st.sampled_from([*SECRETS, *PHONES, "word", "10:30", "\n", "https://example.org/x"]), max_size=12))
def test_sanitising_twice_changes_nothing_more(parts: list[str]) -> None:
    once, _ = sanitised(" ".join(parts))
    assert sanitised(once) == (once, 0)


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.vtt", "", "transcript"),
        ("notes.txt", "WEBVTT\n", "transcript"),
        ("slack/general.md", "", "slack"),
        ("epic_tree_2026.md", "", "jira"),
        ("daily-reports/ann.md", "", "daily"),
        ("slack/daily-ann.md", "", "daily"),
        ("2026-01-15 team meeting.md", "", "transcript"),
        ("ann.md", "**Employee**: Ann", "daily"),
        ("ann.md", "hello", None),
        ("recall.md", "", None),
    ],
)
def test_what_kind_a_file_is_of(name: str, head: str, kind: Kind | None) -> None:
    assert kind_of(About(name=name), head) == kind
    assert kind_of(About(name=name, kind="jira"), head) == "jira"


def test_a_file_that_is_nothing_known_or_empty_says_so() -> None:
    assert parsed("hello", About(name="x.md")).problems[0].reason == UNKNOWN
    assert parsed(" \n", About(name="daily.md")).problems[0].reason == EMPTY


@given(st.text(max_size=300), st.sampled_from(["daily", "transcript", "jira", "slack"]))
def test_no_text_breaks_a_parser(text: str, kind: Kind) -> None:
    found = parsed(text, About(name="2026-W03.md", kind=kind))
    assert found.kind == kind
