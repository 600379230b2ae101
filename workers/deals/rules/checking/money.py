"""Every amount of money must be one that the database holds for what the words around it are about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from workers.deals.rules.checking.claims import WORDS, Issue, Sentence, field_of, named
from workers.deals.rules.facts import Facts, Space

_SPOKEN: Final = "|".join((*WORDS, "hundred", "thousand", "and"))
_AMOUNT: Final = re.compile(
    rf"\$\s?(?P<a>\d[\d,]*(?:\.\d+)?)\s?(?P<ak>k\b)?|(?P<b>\d[\d,]*(?:\.\d+)?)\s?(?P<bk>k\b)?\s?(?:dollars?|"
    rf"usd|bucks)\b|"
    rf"\b(?P<c>(?:(?:{_SPOKEN}|grand)[\s-]+)+)(?:dollars?|usd|bucks)\b|"
    # without a currency: `7,200 a month`, `seven grand`, `costs 7,200`
    r"(?<![\w$.,:/])(?P<d>\d[\d,]*(?:\.\d+)?)\s?(?P<dk>k\b)?(?=\s?(?:(?:a|per|each|/)\s?mo(?:nth)?\b|monthly\b))|"
    rf"\b(?P<e>(?:{'|'.join(WORDS)})[\s-]grand)\b|"
    r"\b(?:costs?|rents? for|rent (?:is|of)|rate (?:is|of)|priced at|asks?|charges?|deposit (?:is|of)|fee (?:is|of))\s+"
    r"(?:(?:about|around|only|just|roughly|approximately)\s+)?(?P<f>\d{1,3}(?:,\d{3})+|\d{3,6})(?P<fk>k\b)?(?![\w:.,]*\d)",
    re.IGNORECASE,
)
_OTHER_MONEY: Final = re.compile(
    r"[€£¥₹]\s?\d[\d.,]*|\b\d[\d.,]*\s?(?:€|£|euros?|eur|gbp|chf|francs?)(?!\w)", re.IGNORECASE
)
_BUDGET: Final = re.compile(
    r"\b(?:(?P<above>above|over|beyond|outside|exceeds)|within|under|below|inside|fits)\s+(?:of\s+)?your budget\b",
    re.IGNORECASE,
)
_PERCENT: Final = re.compile(r"\b(\d+(?:\.\d+)?)\s?(?:%|percent\b|per cent\b)", re.IGNORECASE)
_FREE: Final = re.compile(
    r"\bfree\b(?! (?:times?|slots?|spots?|places?|spaces?))|\b(?:no|without) (?:extra |"
    r"additional )?(?:cost|charge|fee)\b|"
    r"\bcomplimentary\b|\b(?:included|comes with|covered)(?: (?:in|by) (?:the|your) rent)?\b|\bincludes\b",
    re.IGNORECASE,
)
_SPOTS_LEFT: Final = re.compile(r"\b(?:spots?|spaces?|places?) (?:are|is) free\b", re.IGNORECASE)
_NEAR: Final = 60
KEYWORDS: Final[dict[str, re.Pattern[str]]] = {
    "budget": re.compile(r"\bbudget", re.IGNORECASE),
    "parking": re.compile(r"\b(?:park(?:ing|ed)?|garage|spots?|cars?)\b", re.IGNORECASE),
    "deposit": re.compile(r"\b(?:deposit|dogs?|pets?)\b", re.IGNORECASE),
    "card": re.compile(r"\b(?:cards?|keys?|badges?|fobs?|access)\b", re.IGNORECASE),
    "rent": re.compile(r"\b(?:rents?|rental|rate|lease)\b", re.IGNORECASE),
    "difference": re.compile(r"\b(?:less|below|under|more|above|over|save|cheaper|leaves|left)\b", re.IGNORECASE),
    "sum": re.compile(r"\b(?:total|altogether|together|combined|all in|sum|including)\b", re.IGNORECASE),
}
_DAILY: Final = re.compile(r"^\s*(?:per|a|each|/)\s*day\b|^\s*daily\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Claim:
    value: float
    start: int
    end: int


def check(sentence: Sentence, facts: Facts) -> Iterator[Issue]:
    for claim in _amounts(sentence.text):
        kind = _about(sentence, claim)
        spaces = sentence.spaces_at(claim.start, claim.end)
        if kind in {"rent", "sum", "difference"}:
            spaces = _named_in_front(sentence, claim) or spaces
        path, known = _known(kind, claim, sentence, spaces, facts)
        if not any(abs(claim.value - each) < 0.005 for each in known):  # noqa: PLR2004 - half a cent
            held = " or ".join(f"${each:,.0f}" for each in dict.fromkeys(known)) or "not known"
            field = f"deals.{facts.deal_id}.monthlyBudget" if kind == "budget" else field_of(spaces, path)
            yield Issue("wrong_price", sentence.text, field, f"says ${claim.value:,.0f}; it is {held}")
    yield from _free(sentence)
    yield from _within_budget(sentence, facts)
    yield from _without_ground(sentence, facts)


def _within_budget(sentence: Sentence, facts: Facts) -> Iterator[Issue]:
    for match in _BUDGET.finditer(sentence.text):
        spaces = sentence.every_at(match.start(), match.end()) or sentence.spaces_at(match.start(), match.end())
        if not sentence.is_claimed(match.start()) or sentence.denies(match.start()):
            continue
        holds = [(each.monthly_rate > facts.monthly_budget) == bool(match["above"]) for each in spaces]
        if not any(holds):
            rates = " and ".join(f"${each.monthly_rate:,}" for each in spaces)
            told = f"says {match[0]}; the budget is ${facts.monthly_budget:,}, and the rent {rates}"
            yield Issue("wrong_price", sentence.text, f"deals.{facts.deal_id}.monthlyBudget", told)


def _without_ground(sentence: Sentence, facts: Facts) -> Iterator[Issue]:
    """Other currencies, and shares such as discounts: no field holds them, unless in its words."""
    spaces = sentence.spaces_at(0)
    for match in _OTHER_MONEY.finditer(sentence.text):
        yield Issue(
            "wrong_price", sentence.text, field_of(spaces, "monthlyRate"), f"says {match[0]}; amounts are in dollars"
        )
    for match in _PERCENT.finditer(sentence.text):
        if match[1] != "100" and not facts.says(rf"(?<![\d.]){re.escape(match[1])}\s?(?:%|per ?cent)"):
            yield Issue(
                "wrong_price", sentence.text, field_of(spaces, "monthlyRate"), f"says {match[0]}; no field holds that"
            )


def _amounts(text: str) -> Iterator[_Claim]:
    for match in _AMOUNT.finditer(text):
        if spoken := match["c"] or match["e"]:
            value = float(_spoken_value(spoken))
        else:
            digits = match["a"] or match["b"] or match["d"] or match["f"]
            value = float(digits.replace(",", "")) * (
                1000 if any(match[each] for each in ("ak", "bk", "dk", "fk")) else 1
            )
        yield _Claim(value, match.start("f") if match["f"] else match.start(), match.end())


def _spoken_value(words: str) -> int:
    total = part = 0
    for word in re.split(r"[\s-]+", words.lower().strip()):
        if word == "hundred":
            part = max(part, 1) * 100
        elif word in {"thousand", "grand"}:
            total, part = total + max(part, 1) * 1000, 0
        else:
            part += WORDS.get(word, 0)
    return total + part


def _about(sentence: Sentence, claim: _Claim) -> str:
    """The nearest word that says what the money is for: in its clause, then in front. Else a monthly one is rent."""
    clause = sentence.clause(claim.start)
    offset = sentence.text.find(clause)
    if found := _nearest(sentence.text, offset, offset + len(clause), claim):
        return found
    if found := _nearest(sentence.text, max(0, claim.start - _NEAR), claim.start, claim):
        return found
    if re.match(r"[\s/]*(?:a|per|each)?\s*month", sentence.text[claim.end :], re.IGNORECASE):
        return "rent"
    return _nearest(sentence.text, claim.end, claim.end + _NEAR // 2, claim) or "rent"


def _nearest(text: str, start: int, end: int, claim: _Claim) -> str | None:
    found = [
        (min(abs(match.start() + start - claim.end), abs(claim.start - match.end() - start)), name)
        for name, pattern in KEYWORDS.items()
        for match in pattern.finditer(text[start:end])
    ]
    return min(found)[1] if found else None


def _named_in_front(sentence: Sentence, claim: _Claim) -> tuple[Space, ...]:
    before = [space for start, _, space in sentence.mentions if start <= claim.start]
    return (before[-1],) if before else ()


def _known(
    kind: str, claim: _Claim, sentence: Sentence, spaces: tuple[Space, ...], facts: Facts
) -> tuple[str, list[float]]:
    """The field, and the amounts that may stand here."""
    budget = float(facts.monthly_budget)
    daily = _DAILY.match(sentence.text[claim.end :]) is not None
    numbers: dict[str, tuple[str, Callable[[Space], float | None]]] = {
        "parking": (
            "detailedAmenities.parking.costPerDay" if daily else "detailedAmenities.parking.costMonthly",
            lambda space: space.number("parking", "costPerDay" if daily else "costMonthly"),
        ),
        "deposit": ("detailedAmenities.dogPolicy.deposit", lambda space: space.number("dogPolicy", "deposit")),
        "card": ("detailedAmenities.access.costPerCard", _card),
        "rent": ("monthlyRate", lambda space: float(space.monthly_rate)),
    }
    if kind == "budget":
        return "monthlyBudget", [budget]
    if kind == "difference":
        rates = [each.monthly_rate for each in facts.spaces]
        return "monthlyRate", [
            float(value)
            for space in spaces
            for value in (abs(budget - space.monthly_rate), *(abs(each - space.monthly_rate) for each in rates))
        ] + [float(space.monthly_rate) for space in spaces]
    if kind == "sum":
        return "monthlyRate", [
            value
            for space in spaces
            for value in (space.monthly_rate, space.monthly_rate + (space.number("parking", "costMonthly") or 0))
        ]
    path, read = numbers[kind]
    return path, [value for space in spaces if (value := read(space)) is not None]


def _card(space: Space) -> float | None:
    found = space.number("access", "costPerCard")
    return space.number("access", "cost") if found is None else found


def _free(sentence: Sentence) -> Iterator[Issue]:
    """Parking or cards for nothing."""
    for match in _FREE.finditer(sentence.text):
        clause = sentence.clause(match.start())
        spaces = sentence.spaces_at(match.start(), match.end())
        if _SPOTS_LEFT.search(clause) or _is_no_gift(sentence, match):
            continue
        for kind, path in (("parking", ("parking", "costMonthly")), ("card", ("access", "costPerCard"))):
            costs = [cost for space in spaces if (cost := space.number(*path)) is not None]
            if KEYWORDS[kind].search(clause) and costs and min(costs) > 0:
                field = field_of(spaces, "detailedAmenities." + ".".join(path))
                reason = f"says it is free; {named(spaces)} takes ${min(costs):,.0f}"
                yield Issue("wrong_price", sentence.text, field, reason)
                break


def _is_no_gift(sentence: Sentence, match: re.Match[str]) -> bool:
    """Asked, denied (`not included`, while `no charge` is a gift), or with an amount, which is compared as such."""
    denied = not re.match(r"no|without", match[0], re.IGNORECASE) and sentence.denies(match.start())
    return denied or not sentence.is_claimed(match.start()) or _AMOUNT.search(sentence.text, match.end()) is not None
