"""What a space is said to have, in whatever words: a thing that no field and no note knows is a warning.

The lists of amenities.py know what offices usually have; this finds the climbing wall."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from workers.deals.rules.checking import amenities
from workers.deals.rules.checking.claims import Issue, Sentence, field_of, named
from workers.deals.rules.facts import Facts

_SAYS: Final = re.compile(
    r"\b(?:(?:has|have|offers?|features?|includes?|provides?|boasts?|comes? with)(?: also| even| got)?|"
    r"(?:there (?:is|are)|there['’]s)(?: also| even)?|equipped with)\s+",
    re.IGNORECASE,
)
# One thing: up to four words behind an article or an adjective, without figures and names.
_THING: Final = re.compile(
    r"(?:(?:an?|its own|the|ample|several|some|many|plenty of|lots of|large|big|great)\s+)*"
    r"(?P<thing>[a-z][a-z'’-]*(?:\s(?!(?:and|or|at|in|on|for|with|of|to|that|which|where|from|by|per|too|as|near)\b)"
    r"[a-z][a-z'’-]*){0,3})"
)
_NEXT: Final = re.compile(r"\s*(?:,\s*(?:and\s+|or\s+)?|\s(?:and|or|as well as)\s+)(?=(?:an?|its own)\s)")
# What is no amenity, or is checked elsewhere.
_PLAIN: Final = re.compile(
    r"\b(?:availab\w+|times?|slots?|days?|hours?|openings?|tours?|visits?|viewings?|rents?|rates?|costs?|prices?|fees?|"
    r"charges?|budgets?|deposits?|terms?|leases?|discounts?|spaces?|offices?|rooms?|options?|details?|questions?|answers?|"
    r"information|news|place|address|location|neighbou?rhood|building|area|cards?|keys?|notice|limits?|polic(?:y|ies)|rules?|"
    r"everything|anything|something|nothing|none|no|not|all|both|one|two|three|four|five|six|seven|eight|nine|ten|what|"
    r"team|people|host|look|chance|been|had|time|plenty|enough|doubt|need|change|it|them|you|your)\b",
    re.IGNORECASE,
)


def check(sentence: Sentence, facts: Facts) -> Iterator[Issue]:
    for says in _SAYS.finditer(sentence.text):
        if not _of_a_space(sentence, says.start()) or sentence.denies(says.end()):
            continue
        spaces = sentence.spaces_at(says.start(), says.end())
        for thing in _things(sentence, says.end()):
            if _is_unheard_of(thing, facts):
                told = f"names {thing}; nothing is known of it at {named(spaces)}"
                yield Issue(amenities.KIND, sentence.text, field_of(spaces, "amenities"), told, fails=False)


def _of_a_space(sentence: Sentence, at: int) -> bool:
    """`X has`, `it has`, `there is`, and that it is stated."""
    if sentence.text[at : at + 5].lower() != "there":
        before = sentence.text[:at].rstrip()
        of_it = re.search(
            r"\b(?:it|they|which|that|both|building|space|office|place)(?: also)?$", before, re.IGNORECASE
        )
        if of_it is None and not any(0 <= at - end <= len(" also ") for _, end, _ in sentence.mentions):
            return False
    return bool(sentence.spaces_at(at)) and sentence.is_claimed(at)


def _things(sentence: Sentence, at: int) -> Iterator[str]:
    """`a helipad, a cinema and a bar` are three."""
    while found := _THING.match(sentence.text, at):
        yield found["thing"]
        following = _NEXT.match(sentence.text, found.end())
        if following is None:
            return
        at = following.end()


def _is_unheard_of(thing: str, facts: Facts) -> bool:
    if _PLAIN.search(thing) or amenities.is_listed(thing):
        return False
    flags = {re.sub(r"[^a-z]", "", name.lower()) for space in facts.spaces for name in space.amenities}
    words = thing.split()
    if any(
        re.sub(r"[^a-z]", "", " ".join(words[at:])).rstrip("s") in {each.rstrip("s") for each in flags}
        for at in range(len(words))
    ):
        return False
    return not facts.says(rf"\b{re.escape(words[-1].rstrip('s'))}")
