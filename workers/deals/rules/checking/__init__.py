"""Checks what a draft claims against the database. It trusts neither the model that wrote it nor its reasoning.

`names_claimed` says which names are to be looked up, `found_issues` compares, `checked` gives the documented value.
Every issue names the sentence and the contradicted field. A claim that the database contradicts, or a figure it has no
ground for, fails the draft; an amenity or a name it merely does not know is a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core import Row
from workers.deals.model import Validation
from workers.deals.rules.checking import amenities, money, names, places, policies, times
from workers.deals.rules.checking.claims import Issue, Reader
from workers.deals.rules.checking.names import names_claimed
from workers.deals.rules.facts import Facts

__all__ = ["Issue", "checked", "found_issues", "names_claimed"]

CHECKS = (money.check, amenities.check, times.check, places.check, policies.check)


def found_issues(body: str, facts: Facts, elsewhere: Sequence[Row] = ()) -> list[Issue]:
    """In the order of the text; `elsewhere` are the rows of `named_elsewhere` for `names_claimed`."""
    reader = Reader(facts)
    found: list[Issue] = []
    for sentence in reader.sentences(body):
        for check in CHECKS:
            found += check(sentence, facts)
    found += names.check(body, facts, elsewhere)
    return list(dict.fromkeys(found))


def checked(body: str, facts: Facts, elsewhere: Sequence[Row], now: datetime) -> Validation:
    issues = found_issues(body, facts, elsewhere)
    status = "failed" if any(each.fails for each in issues) else "warnings" if issues else "passed"
    return Validation.model_validate({"status": status, "issues": [each.told for each in issues], "checkedAt": now})
