"""People, companies, spaces and mail addresses: those of this deal may stand in a reply, those of others never."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from core import Row
from workers.deals.rules.checking.claims import Issue, Reader, Sentence, field_of, split
from workers.deals.rules.checking.language import ENGLISH, KIND
from workers.deals.rules.facts import Facts

OTHER: Final = "other_client"
MAX_NAMES: Final = 3000
MAX_WORDS: Final = 5
_TOKEN: Final = re.compile(r"[\w&@.'’+-]+")
_POSSESSIVE: Final = re.compile(r"['’]s?$")
_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,10}")
_GREETING: Final = re.compile(
    r"^(?i:hi|hello|hey|dear|good (?:morning|afternoon|evening))\s+([A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+)*)"
)
_PHONE: Final = re.compile(
    r"(?<![\w$.,/-])(?:\+\d{1,3}[\s.-]?)?(?:\(\d{2,4}\)[\s.-]?)?\d{2,4}(?:[.\s-]\d{2,4}){1,3}(?![\w,:/-])"
)
_HOST: Final = re.compile(
    r"\b(?:hosted by|host(?:ing company)? is|host\b[^,;.]{0,30}\b(?:would|will) be|"
    r"run by|operated by|managed by)\s+((?:[A-Z][\w&.'’-]*\s?)+)"
)
_NAME: Final = re.compile(r"(?<![.!?:]\s)(?<!^)(?<![\w@./-])([A-Z][a-z'’]{2,}(?:\s+[A-Z][a-z'’]+)*)(?![\w@-])")
_STREETS: Final = frozenset(
    ("street", "st", "avenue", "ave", "road", "rd", "boulevard", "lane", "drive", "way", "place", "square", "court")
)
_PLAIN: Final = _STREETS | frozenset(
    (
        *("there", "all", "team", "everyone", "hi", "hello", "dear", "thank", "thanks", "best", "kind", "regards"),
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "please", "yes", "no"),
        *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
        *("november", "december", "i", "you", "we", "the", "a", "sincerely", "cheers", "key", "card"),
    )
)
TOLD: Final = {
    "client": "names another client",
    "company": "names the company of another client",
    "address": "gives the address of another client",
    "space": "names a space that is not of this deal",
    "host": "names the host of a space that is not of this deal",
}


def names_claimed(body: str, facts: Facts) -> list[str]:
    """What is to be looked up among other clients and spaces: addresses and runs of words with a capital, in small."""
    own = _own_names(facts)
    found: dict[str, None] = dict.fromkeys(each.lower().rstrip(".") for each in _EMAIL.findall(body))
    for sentence in split(body):
        for run in _runs([_POSSESSIVE.sub("", match[0].strip(".'’")) for match in _TOKEN.finditer(sentence)]):
            found[run] = None
    return [name for name in found if name not in own and name not in _PLAIN][:MAX_NAMES]


def _runs(words: Sequence[str]) -> Iterator[str]:
    """Up to five words that may be a name, in small letters. One begins with a capital, or has two words and more and
    no small word at its ends: `nimbus analytics` names it as well."""
    small = [word.lower() for word in words]
    for at, word in enumerate(words):
        for end in range(at + 1, min(at + MAX_WORDS, len(words)) + 1):
            if word[:1].isupper() or (end - at > 1 and ENGLISH.isdisjoint((small[at], small[end - 1]))):
                yield " ".join(small[at:end])


def check(body: str, facts: Facts, elsewhere: Sequence[Row]) -> Iterator[Issue]:
    yield from _elsewhere(body, facts, elsewhere)
    yield from _greeted(body, facts)
    if len(names_claimed(body, facts)) == MAX_NAMES:
        yield Issue(
            KIND, "the text", "email_drafts.finalBody", f"has more than {MAX_NAMES:,} possible names; shorten it"
        )
    known = {
        facts.seeker_email.lower(),
        facts.mail.from_address.lower(),
        *(each.host_email.lower() for each in facts.spaces),
    }
    theirs = {row["name"] for row in elsewhere}
    for address in _EMAIL.findall(body):
        plain = address.lower().rstrip(".")
        if plain not in known and plain not in theirs:
            yield Issue(
                "wrong_name",
                _around(body, address),
                "spaces.hostEmail",
                f"gives the unknown address {plain}",
                fails=False,
            )
    for sentence in Reader(facts).sentences(body):
        yield from _hosted(sentence)
        yield from _called(sentence, facts)
    yield from _strangers(body, facts, theirs)


def _elsewhere(body: str, facts: Facts, elsewhere: Sequence[Row]) -> Iterator[Issue]:
    own = _own_names(facts)
    for row in elsewhere:
        where = "spaces" if row["kind"] in {"space", "host"} else "deals"
        columns = {
            "client": "seekerName",
            "company": "companyName",
            "address": "seekerEmail",
            "space": "name",
            "host": "hostCompany",
        }
        if row["name"] not in own:
            field = f"{where}.{row['whose']}.{columns[row['kind']]}"
            yield Issue(OTHER, _around(body, row["name"]), field, TOLD[row["kind"]])


def _greeted(body: str, facts: Facts) -> Iterator[Issue]:
    for line in body.splitlines()[:3]:
        if match := _GREETING.match(line.strip()):
            said = [word.lower() for word in match[1].split()]
            own = [
                *facts.seeker_name.lower().split(),
                *facts.company_name.lower().split(),
                *_PLAIN,
                "mr",
                "ms",
                "mrs",
                "dr",
                "and",
            ]
            if any(word not in own for word in said):
                yield Issue(
                    OTHER,
                    line.strip(),
                    f"deals.{facts.deal_id}.seekerName",
                    f"greets {match[1]}; the client is {facts.seeker_name}",
                )


def _hosted(sentence: Sentence) -> Iterator[Issue]:
    for match in _HOST.finditer(sentence.text):
        spaces = sentence.spaces_at(match.start(), match.end())
        said = match[1].strip(" .")
        if spaces and not any(
            said.lower() in space.host_company.lower() or space.host_company.lower() in said.lower() for space in spaces
        ):
            held = " or ".join(space.host_company for space in spaces)
            yield Issue(
                "wrong_name", sentence.text, field_of(spaces, "hostCompany"), f"says the host is {said}; it is {held}"
            )


def _called(sentence: Sentence, facts: Facts) -> Iterator[Issue]:
    for match in _PHONE.finditer(sentence.text):
        digits = re.sub(r"\D", "", match[0])
        if not facts.says(r"\D{0,3}".join(digits)):
            told = f"gives the unknown number {match[0].strip()}"
            yield Issue("wrong_name", sentence.text, "spaces.detailedAmenities", told, fails=False)


def _strangers(body: str, facts: Facts, theirs: set[str]) -> Iterator[Issue]:
    """A capital inside a sentence that no field, note or mail knows: perhaps invented."""
    own = (
        " ".join(_own_names(facts))
        + " "
        + " ".join(
            f"{space.address} {space.neighborhood} {json.dumps(dict(space.detail))}" for space in facts.spaces
        ).lower()
        + f" {facts.mail.body} {' '.join(mail.body for mail in facts.thread)}".lower()
    )
    for sentence in split(body):
        if _GREETING.match(sentence):
            continue
        for match in _NAME.finditer(sentence):
            said = _POSSESSIVE.sub("", match[1].lower())
            if not _STREETS.isdisjoint(said.split()):
                continue  # an address; it is checked as one
            if (
                said not in own
                and not any(said in each for each in theirs)
                and not all(word in _PLAIN or word in own for word in said.split())
            ):
                yield Issue(
                    "wrong_name",
                    sentence,
                    "spaces.name",
                    f"names {_POSSESSIVE.sub('', match[1])}, which is not known",
                    fails=False,
                )


def _own_names(facts: Facts) -> set[str]:
    own = {facts.seeker_name, facts.company_name, facts.seeker_email, *facts.seeker_name.split()}
    for space in facts.spaces:
        plain = re.sub(r"^the\s+", "", space.name, flags=re.IGNORECASE)
        own |= {space.name, plain, f"the {plain}", space.host_company, space.host_email, space.neighborhood or ""}
    return {each.lower() for each in own}


def _around(body: str, name: str) -> str:
    return next((each for each in split(body) if name.lower() in each.lower()), name)
