"""A whole file: which of the parsers reads it."""

from __future__ import annotations

from typing import Final

from workers.reports.model.parsed import About, Parsed, Problem
from workers.reports.rules.captures import parsed_jira, parsed_slack
from workers.reports.rules.daily import parsed_daily
from workers.reports.rules.names import kind_of
from workers.reports.rules.transcripts import parsed_transcript

EMPTY: Final = "the file is empty"
UNKNOWN: Final = "nothing says what this file is; give --kind, or a name with daily, meeting, jira or slack in it"
HEAD: Final = 4000  # characters


def parsed(text: str, about: About, encoding: str = "utf-8") -> Parsed:
    """What a file holds. Whatever cannot be read is among the problems."""
    kind = kind_of(about, text[:HEAD])
    told = {"kind": kind, "encoding": encoding, "characters": len(text)}
    if not text.strip():
        return Parsed(**told, problems=(Problem(line=None, reason=EMPTY),))
    match kind:
        case "daily":
            entries, problems = parsed_daily(text, about)
            return Parsed(**told, entries=entries, problems=problems)
        case "transcript":
            transcript, problems = parsed_transcript(text, about)
            return Parsed(**told, transcript=transcript, problems=problems)
        case "jira":
            tree, problems = parsed_jira(text, about)
            return Parsed(**told, jira=tree, problems=problems)
        case "slack":
            dumps, problems = parsed_slack(text, about)
            return Parsed(**told, slack=dumps, problems=problems)
    return Parsed(**told, problems=(Problem(line=None, reason=UNKNOWN),))
