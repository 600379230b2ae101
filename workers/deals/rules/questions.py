"""What a mail asks: its own words without the quoted thread, in sentences, each with the topics it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from workers.deals.model import WEEKDAYS
from workers.deals.rules.facts import Facts, Space

_QUOTED: Final = re.compile(r"^(?:>|-{2,} ?(?:original|forwarded) message|from: .*@|_{10,})", re.IGNORECASE)
_WROTE: Final = re.compile(r"^on .{0,200} wrote:?$", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[^.!?\n]+(?:[.!?](?=\d)[^.!?\n]*)*[.!?]*")
_ASKS: Final = re.compile(
    r"\?|\b(?:let me know|wonder(?:ing)?|tell me|interested in|would like to (?:know|see|visit|tour)|need to know|"
    r"can you (?:confirm|share|send)|please (?:confirm|share|send))\b",
    re.IGNORECASE,
)
TOPICS: Final[dict[str, re.Pattern[str]]] = {
    name: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)
    for name, pattern in {
        "parking": r"park(?:ing|ed)?|garage|car(?:s)?|spots?",
        "dogs": r"dogs?|pets?|pupp(?:y|ies)",
        "after_hours": r"after[- ]?hours|24/7|weekends?|at night|evenings?|late",
        "access": r"access|key ?cards?|keys?|badge|lock|opening hours|open until",
        "rent": r"rent|price|cost|rate|how much|expensive|budget|per month|monthly",
        "meeting_rooms": r"meeting rooms?|conference rooms?|phone booths?",
        "internet": r"internet|wi-?fi|fiber|bandwidth",
        "inclusions": r"includ(?:e|es|ed|ing)|utilities|cleaning|janitorial|kitchen|heating|hvac|"
        r"air condition(?:ing|ed)",
        "location": r"address|where|located|location|neighbou?rhood|directions",
        "tour": r"tour|visit|see (?:it|the|them)|come by|available|availability|appointment|schedule|viewing|"
        r"next week|this week|tomorrow|" + "|".join(WEEKDAYS),
    }.items()
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: its text, what it is about, and the spaces named last up to it (all open ones where none is)."""

    text: str
    topics: tuple[str, ...]
    spaces: tuple[Space, ...]
    days: tuple[str, ...] = ()


def fresh_text(body: str) -> str:
    """Without the quoted mails below and between."""
    kept = []
    for line in body.splitlines():
        if _WROTE.match(line.strip()) or line.strip().lower().startswith("-----original"):
            break
        if not _QUOTED.match(line.strip()):
            kept.append(line)
    return "\n".join(kept).strip()


def sentences(text: str) -> list[str]:
    return [found for match in _SENTENCE.finditer(text) if (found := " ".join(match[0].split()))]


def questions(facts: Facts) -> list[Asked]:
    """In the order of the mail."""
    found, named = [], tuple[Space, ...]()
    for sentence in sentences(fresh_text(facts.mail.body)):
        named = tuple(each for each in facts.open_spaces if each.name.lower() in sentence.lower()) or named
        if _ASKS.search(sentence):
            found.append(Asked(sentence, topics_of(sentence, facts), named or facts.open_spaces, days_of(sentence)))
    return found


def topics_of(sentence: str, facts: Facts) -> tuple[str, ...]:
    """Known topics, and amenities of the deal's spaces by their own names. A price of parking is about parking."""
    plain = sentence
    for space in facts.spaces:
        plain = re.sub(re.escape(space.name), " ", plain, flags=re.IGNORECASE)
    found = [name for name, pattern in TOPICS.items() if pattern.search(plain)]
    if "rent" in found and {"parking", "dogs", "internet"} & set(found) and not re.search(r"(?i)\brent\b", plain):
        found.remove("rent")
    if "inclusions" in found and "parking" in found and not re.search(r"(?i)utilities|cleaning|kitchen", plain):
        found.remove("inclusions")
    names = {name for space in facts.spaces for name in space.amenities} - {"parking", "dogFriendly", "afterHours"}
    found += [f"amenity:{name}" for name in sorted(names) if re.search(rf"(?i)\b{spoken(name)}s?\b", plain)]
    return tuple(found)


def days_of(sentence: str) -> tuple[str, ...]:
    return tuple(day for day in WEEKDAYS if re.search(rf"(?i)\b{day}s?\b", sentence))


def spoken(name: str) -> str:
    """`bikeStorage` as `bike storage`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").lower()
