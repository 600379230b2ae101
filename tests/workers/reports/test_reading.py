"""Bytes of strangers: encodings, broken ones, no text at all, 20 MB; in a process of its own."""

from __future__ import annotations

import time

import pytest

from workers.reports import adapter
from workers.reports.asides.files import decoded
from workers.reports.model import About, Parsed

TEXT = "**Employee**: Zoë Müller\n\n## 2026-01-15\n\n- prüfte “alles” für Łódź – 100 €\n"


async def read(data: bytes, name: str = "daily.md") -> Parsed:
    return await adapter.read(data, About(name=name))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_every_form_of_unicode_is_read(encoding: str) -> None:
    found = await read(TEXT.encode(encoding))
    [entry] = found.entries
    assert (entry.author, entry.content) == ("Zoë Müller", "- prüfte “alles” für Łódź – 100 €")


async def test_text_of_western_windows_is_read() -> None:
    text = "**Employee**: Zoë Müller\n\n## 2026-01-15\n\n- prüfte “alles” – 100 € für Jürgen und René\n"
    found = await read(text.encode("cp1252"))
    assert found.encoding == "cp1252"
    assert found.entries[0].author == "Zoë Müller"
    assert "100 €" in found.entries[0].content


async def test_broken_bytes_are_shown_and_noted_with_their_line() -> None:
    data = TEXT.encode() + b"- broken \xff\xfe here\n" + "- ünd weiter, Łódź\n".encode()
    found = await read(data)
    assert "broken \ufffd\ufffd here" in found.entries[0].content
    [note] = found.problems
    assert (note.line, note.is_note) == (6, True)
    assert note.reason == "bytes from line 6 on are no utf-8; they are shown as \ufffd"


async def test_line_ends_of_all_systems_and_nul_are_one() -> None:
    for end in (b"\r\n", b"\r"):
        found = await read(TEXT.encode().replace(b"\n", end))
        assert found.entries[0].content == "- prüfte “alles” für Łódź – 100 €"
    found = await read(TEXT.encode().replace(b"100", b"1\x000"))
    assert "1\ufffd0" in found.entries[0].content


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 40, b"%PDF-1.7\n\x00\x01\x02\x03" * 100, b"PK\x03\x04\x00\x00" * 50]
)
async def test_what_is_no_text_says_so(data: bytes) -> None:
    found = await read(data)
    assert [each.reason for each in found.problems] == [
        "the file is no text; export it as Markdown, plain text, VTT or SRT"
    ]


async def test_nothing_is_a_problem_and_no_error() -> None:
    assert (await read(b"")).problems[0].reason == "the file is empty"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"\xff" * 1000, b"a\x00" * 500])
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    decoded(data)


async def test_a_daily_report_of_20_mb_is_read_within_the_limits() -> None:
    """7,300 days of 2.7 kB each, with fenced code between."""
    day = "- did something about the **parser** and its `queue`, at length\n" * 40 + "\n```\n## 2026-01-01\n```\n\n"
    parts = ["**Employee**: Ann Lee\n\n"]
    parts += [f"## {2000 + at // 365}-{at % 12 + 1:02d}-{at // 12 % 28 + 1:02d}\n\n{day}" for at in range(7700)]
    data = "".join(parts).encode()
    assert len(data) > 20_000_000
    began = time.monotonic()
    found = await read(data)
    assert len(found.entries) > 5000
    assert {each.author for each in found.entries} == {"Ann Lee"}
    assert time.monotonic() - began < 120


async def test_a_transcript_of_20_mb_is_read_within_the_limits() -> None:
    cue = "00:00:{0:02d}.000 --> 00:00:{0:02d}.500\n<v Person {1}>{2}\n\n"
    data = ("WEBVTT\n\n" + "".join(cue.format(at % 60, at % 7, "some words " * 12) for at in range(120_000))).encode()
    assert len(data) > 20_000_000
    found = await read(data, "2026-01-15 all hands.vtt")
    assert found.transcript is not None
    assert len(found.transcript.content) > 15_000_000


async def test_a_line_of_nothing_but_marks_ends_within_the_limits() -> None:
    """Patterns that make careless expressions run for ever."""
    for text in (
        "*" * 200_000,
        "[" * 100_000,
        "> " * 20_000,
        "## " + "a" * 200_000,
        "**Employee**: " + " " * 200_000 + "x",
    ):
        await read(text.encode())
        await read(text.encode(), "slack 2026-W03.md")
        await read(text.encode(), "2026-01-15 meeting.txt")
