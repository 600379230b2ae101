"""Checks what a draft claims against the database. It trusts neither the model that wrote it nor its reasoning.

`names_claimed` says which names are to be looked up, `found_issues` compares, `checked` gives the documented value.
Every issue names the sentence and the contradicted field. A claim that the database contradicts, or a figure it has no
ground for, fails the draft; an amenity or a name it merely does not know is a warning.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Final

from core import Row
from workers.deals.model import Validation
from workers.deals.rules.checking import amenities, dates, language, money, names, offers, places, policies, times
from workers.deals.rules.checking.claims import Issue, Reader
from workers.deals.rules.checking.names import names_claimed
from workers.deals.rules.facts import Facts

__all__ = ["Issue", "checked", "found_issues", "names_claimed"]

CHECKS: Final = (
    money.check, amenities.check, offers.check, times.check, places.check, policies.check, language.check,
)  # fmt: skip
MOST: Final = 100  # issues; a text with more of them is read no further
UNREAD: Final = Issue(
    language.KIND, "the rest of the text", "email_drafts.finalBody", f"was not read after {MOST} issues; shorten it"
)


def found_issues(body: str, facts: Facts, elsewhere: Sequence[Row] = (), today: date | None = None) -> list[Issue]:
    """Those of names first, then in the order of the text. `elsewhere` are the rows of `named_elsewhere` for
    `names_claimed`; `today` tells which weekday a date is."""
    found = dict.fromkeys(itertools.islice(_issues(body, facts, elsewhere, today), MOST + 1))
    return list(found) if len(found) <= MOST else [*list(found)[:MOST], UNREAD]


def _issues(body: str, facts: Facts, elsewhere: Sequence[Row], today: date | None) -> Iterator[Issue]:
    yield from names.check(body, facts, elsewhere)
    for sentence in Reader(facts).sentences(body):
        for check in CHECKS:
            yield from check(sentence, facts)
        yield from dates.check(sentence, facts, today)


def checked(body: str, facts: Facts, elsewhere: Sequence[Row], now: datetime) -> Validation:
    issues = found_issues(body, facts, elsewhere, now.date())
    status = "failed" if any(each.fails for each in issues) else "warnings" if issues else "passed"
    return Validation.model_validate({"status": status, "issues": [each.told for each in issues], "checkedAt": now})
