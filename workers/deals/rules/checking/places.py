"""Addresses and neighbourhoods."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from workers.deals.rules.checking.claims import Issue, Sentence, field_of, named
from workers.deals.rules.facts import Facts

KIND: Final = "wrong_address"
_SHORT: Final = {
    "st": "street", "ave": "avenue", "rd": "road", "blvd": "boulevard", "ln": "lane", "dr": "drive", "pl": "place",
    "sq": "square", "ct": "court", "pkwy": "parkway", "hwy": "highway", "ter": "terrace",
}  # fmt: skip
_KINDS: Final = "|".join(
    (*_SHORT, *_SHORT.values(), "way", "alley", "plaza", "pier", "row", "walk", "quay", "broadway")
)
_ADDRESS: Final = re.compile(
    rf"(?<![\w,.$])(\d{{1,5}})\s+((?:[A-Z0-9][\w.'’-]*\s+){{0,4}}?)({_KINDS})\b(?! (?:feet|foot|met(?:er|re)s?))\.?",
    re.IGNORECASE,
)
_IN: Final = re.compile(
    r"\b(?:located |situated |lies |sits |is |office )?(?:in|"
    r"in the heart of)\s+((?:[A-Z][\w'’-]*)(?:\s+[A-Z][\w'’-]*){0,2})"
)


def check(sentence: Sentence, facts: Facts) -> Iterator[Issue]:
    for match in _ADDRESS.finditer(sentence.text):
        spaces = sentence.spaces_at(match.start(), match.end())
        if not any(_plain(match[0]) in _plain(space.address) for space in spaces):
            held = " or ".join(space.address for space in spaces) or "not known"
            yield Issue(KIND, sentence.text, field_of(spaces, "address"), f"says {match[0].strip()}; it is {held}")
    places = {space.neighborhood.lower() for space in facts.spaces if space.neighborhood}
    for match in _IN.finditer(sentence.text):
        spaces = tuple(each for each in sentence.spaces_at(match.start(), match.end()) if each.neighborhood)
        said = match[1].lower()
        if not spaces or not (
            said in places or re.search(r"(?:located|situated|lies|sits|is|office)\s+in\b", match[0])
        ):
            continue
        if not any(said in f"{space.neighborhood} {space.address}".lower() for space in spaces):
            held = " or ".join(str(space.neighborhood) for space in spaces)
            yield Issue(
                KIND, sentence.text, field_of(spaces, "neighborhood"), f"says {match[1]}; {named(spaces)} is in {held}"
            )


def _plain(address: str) -> str:
    words = re.sub(r"[^\w\s]", " ", address.lower()).split()
    return " ".join(_SHORT.get(word, word) for word in words)
