"""Reads a document by profiles: the sender's own first, else the one that fits best. Never a guess: what is not found
is absent, what cannot be understood is a warning. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from workers.work_orders.model.profiles import NUMBER, Profile, Rule
from workers.work_orders.model.reading import Found, Reading, Sheet
from workers.work_orders.rules.places import places
from workers.work_orders.rules.texts import PatternTooSlow, amount_of, date_of, picked, search

UNSURE: Final = 0.6  # below it a person is asked


class Known(NamedTuple):
    """A profile as it is stored, with its version."""

    profile: Profile
    version: int


def read_document(sheets: Sequence[Sheet], known: Iterable[Known], sender: str | None) -> Reading:
    """What the best profile reads. `outcome` is OK when every required field is there and sure, PARTIAL otherwise."""
    candidates = list(known)
    own = [each for each in candidates if sender and is_sender(each.profile, sender)]
    readings = [_read(sheets, each) for each in own or _marked(candidates, sheets)]
    if not any(word.text.strip() for sheet in sheets for line in sheet.lines for word in line):
        return Reading("PARTIAL", warnings=("no page holds any text",), pages=len(sheets))
    if not readings:
        return Reading("PARTIAL", warnings=("no profile fits this document",), pages=len(sheets))
    return max(readings, key=_rank)


def is_sender(profile: Profile, sender: str) -> bool:
    """Whether this address, or its domain, is one of the profile's."""
    address = sender.strip().lower()
    known = [each.lower() for each in profile.senders]
    return any(address == each or (each[:1] == "@" and address.endswith(each)) for each in known)


def _marked(candidates: Sequence[Known], sheets: Sequence[Sheet]) -> list[Known]:
    """Profiles all of whose marks are there; one without marks may fit anything."""
    text = "\n".join(" ".join(word.text for word in line) for sheet in sheets for line in sheet.lines)
    return [each for each in candidates if all(_has(mark, text) for mark in each.profile.marks)]


def _has(mark: str, text: str) -> bool:
    try:
        return search(mark, text) is not None
    except PatternTooSlow:
        return False


def _rank(reading: Reading) -> tuple[bool, int, float]:
    return NUMBER in reading.fields, len(reading.fields), sum(each.confidence for each in reading.fields.values())


def _read(sheets: Sequence[Sheet], known: Known) -> Reading:
    profile, fields, warnings = known.profile, {}, []
    for name, rule in profile.fields.items():
        try:
            found, warning = _field(name, rule, profile, sheets)
        except PatternTooSlow as slow:
            found, warning = None, f"{name}: {slow}"
        if found is not None:
            fields[name] = found
        if warning:
            warnings.append(warning)
    if profile.currency and "amount" in fields:
        fields.setdefault("currency", Found(profile.currency, 1.0))
    doubtful = {name: each.confidence for name, each in fields.items() if each.confidence < UNSURE}
    warnings += [f"{name}: read with confidence {sure:.2f}" for name, sure in doubtful.items()]
    if any(sheet.recognised for sheet in sheets):
        warnings.append("pages without text were recognised as images")
    missing = [name for name, rule in profile.fields.items() if rule.required and name not in fields]
    complete = NUMBER in fields and not missing and not doubtful
    warnings += [f"{name}: not found" for name in missing]
    return Reading("OK" if complete else "PARTIAL", profile.fm_key, known.version, fields, tuple(warnings), len(sheets))


def _field(name: str, rule: Rule, profile: Profile, sheets: Sequence[Sheet]) -> tuple[Found | None, str | None]:
    """The first place whose text fits the rule's pattern and kind."""
    warning = None
    for place in places(rule, sheets):
        part = picked(rule.pattern, place.text)
        if part is None:
            continue
        value = _value(part.text, rule, profile)
        if value is not None:
            there = place.part(part.start, part.end)
            return Found(value, there.confidence, there.page, there.box), None
        warning = warning or f"{name}: {part.text[:60]!r} is no {rule.kind}"
    return None, warning


def _value(text: str, rule: Rule, profile: Profile) -> str | None:
    if rule.kind == "date":
        return date_of(text, profile.date_formats)
    if rule.kind == "amount":
        return amount_of(text, profile.decimal)
    return text
