"""Transcripts: the day from the name, every word from the file."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.reports.model.parsed import About, Transcript
from workers.reports.rules.names import date_in_name, kind_of, span_in, week_of
from workers.reports.rules.transcripts import NO_DATE, NO_WORDS, parsed_transcript, title_of

DAY = date(2026, 1, 15)
VTT = """WEBVTT - made by a meeting

NOTE this is nobody's word

1
00:00:01.000 --> 00:00:04.000 align:start
<v Ann Lee>Good <b>morning</b> &amp; welcome.</v>

00:00:04.000 --> 00:00:06.500
<v Ann Lee>Let us begin.</v>

00:00:06.500 --> 00:01:09.000
Bob: Yes.
"""
SRT = """1
00:00:01,000 --> 00:00:04,000
Good morning.

2
00:00:04,000 --> 01:00:06,000
Bob: Hello
and goodbye.
"""


def read(text: str, name: str = "2026-01-15 planning.vtt") -> Transcript:
    made, _ = parsed_transcript(text, About(name=name))
    assert made is not None
    return made


@pytest.mark.parametrize(
    "name",
    [
        "2026-01-15 planning.vtt", "planning_2026-01-15.srt", "20260115-planning.txt", "2026.01.15_planning.md",
        "Planning Jan 15, 2026.txt", "planning-15-Jan-2026.vtt", "GMT20260115-093000_Recording.transcript.vtt",
        "meetings/2026-01-15/planning.txt", "15.01.2026 planning.md", "planning_01-15-2026.vtt",
        "Planning (January 15th 2026).md",
        "2026_01_15 planning.txt", "Thu 15 January 2026 - planning.docx.txt", "planning-2026-W03-4.vtt",
    ],
)  # fmt: skip
def test_the_day_stands_in_the_name_in_many_forms(name: str) -> None:
    found = date_in_name(name)
    assert found is not None
    assert found.day == DAY


@pytest.mark.parametrize(
    "name", ["planning.vtt", "v2.3-notes.txt", "room 12.txt", "2026-13-45.vtt", "call-1234567.txt"]
)
def test_a_name_without_a_day_is_a_problem_and_no_guess(name: str) -> None:
    made, problems = parsed_transcript("Ann: hello", About(name=name))
    assert made is None
    assert [each.reason for each in problems] == [NO_DATE]


def test_subtitles_become_what_was_said() -> None:
    made = read(VTT)
    assert made.content == "Ann Lee: Good morning & welcome. Let us begin.\n\nBob: Yes."
    assert (made.speakers, made.duration_s, made.title) == (("Ann Lee", "Bob"), 69, "planning")
    subrip = read(SRT, "2026-01-15.srt")
    assert subrip.content == "Good morning.\n\nBob: Hello and goodbye."
    assert (subrip.speakers, subrip.duration_s) == (("Bob",), 3606)


def test_broken_subtitles_lose_no_word() -> None:
    text = "WEBVTT\n00:00:01.000 --> 00:00:02.000\none\n\nx --> y\ntwo\n\n00:00:05.000 -->\nthree\n\nfour"
    assert read(text).content.split() == ["one", "x", "-->", "y", "two", "three", "four"]


def test_rolling_captions_say_a_line_once() -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\nAnn: hello\n\n00:02.000 --> 00:03.000\nAnn: hello\n"
    assert read(text).content == "Ann: hello"


def test_plain_text_stays_as_it_is_and_its_speakers_are_known() -> None:
    text = "# Planning\n\n**Ann Lee:** Good morning.\n[00:12] Bob: hello\nAgenda: nothing\nhttps://example.org: x\n"
    made = read(text, "2026-01-15.md")
    assert (made.content, made.speakers) == (text.strip(), ("Ann Lee", "Bob"))


def test_nothing_said_is_kept_with_a_problem() -> None:
    made, problems = parsed_transcript("WEBVTT\n\n", About(name="2026-01-15.vtt"))
    assert made is not None
    assert [each.reason for each in problems] == [NO_WORDS]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("2026-01-15_sprint-planning.vtt", "sprint planning"),
        ("meetings/20260115 retro.txt", "retro"),
        ("2026-01-15.vtt", "2026-01-15"),
    ],
)
def test_the_title_is_the_name_without_the_day(name: str, title: str) -> None:
    assert title_of(name) == title


words = st.text(st.characters(categories=["Ll"]), min_size=1, max_size=8)


@given(st.lists(st.lists(words, min_size=1, max_size=5), min_size=1, max_size=10))
def test_every_word_of_every_cue_is_kept_in_order(cues: list[list[str]]) -> None:
    numbered = [[f"w{at}", *cue] for at, cue in enumerate(cues)]
    text = "WEBVTT\n\n" + "\n\n".join(
        f"00:00:{at:02d}.000 --> 00:00:{at + 1:02d}.000\n{' '.join(cue)}" for at, cue in enumerate(numbered)
    )
    assert read(text).content.split() == [word for cue in numbered for word in cue]


@given(st.text(max_size=200), st.text(max_size=40))
def test_no_file_breaks_the_reader(text: str, name: str) -> None:
    parsed_transcript(text, About(name=f"2026-01-15 {name}.vtt"))
    kind_of(About(name=name), text)


@given(st.dates(date(2000, 1, 3), date(2099, 12, 27)))
def test_a_week_runs_from_monday_to_sunday_around_its_day(day: date) -> None:
    start, end = week_of(day)
    assert (start.weekday(), end - start) == (0, timedelta(days=6))
    assert start <= day <= end
    year, week, _ = day.isocalendar()
    assert span_in(f"{year}-W{week:02d}") == (start, end)
    assert span_in(f"Week: {start} to {end}") == (start, end)
