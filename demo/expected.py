"""What the demo's derived cells must hold, from code of its own.

Nothing here imports core or workers or looks at their patterns: the demo compares the sheet with these values, so a
mistake would have to be made twice, in two ways. Public libraries (phonenumbers, email-validator, dateutil) are shared.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Final, NamedTuple
from unicodedata import category
from urllib.parse import unquote

import phonenumbers
from dateutil.parser import parser, parserinfo
from email_validator import EmailNotValidError, validate_email

Source = Mapping[str, str | None]

GERMAN_MONTHS: Final = {
    "januar": "January", "feb": "February", "märz": "March", "apr": "April", "mai": "May", "juni": "June",
    "juli": "July", "aug": "August", "september": "September", "okt": "October", "november": "November",
    "dez": "December",
}  # fmt: skip
CURRENCIES: Final = ("EUR", "CHF", "€", "$")
SMALL_WORDS: Final = {"von", "der", "van", "de", "zu"}


class Expected(NamedTuple):
    """The content a cell must have; an error has none."""

    content: str | None
    is_error: bool = False


class Wrong(Exception):
    """The input is no date, number, address."""


def read_rows(path: Path) -> Iterator[dict[str, str | None]]:
    """The rows of contacts.csv by title; blank cells are None."""
    with path.open(encoding="utf-8", newline="") as stream:
        for record in csv.DictReader(stream, delimiter=";"):
            yield {title: text or None for title, text in record.items()}


def expected_row(source: Source) -> dict[str, str | None]:
    """The content of every derived cell of a row, by title."""
    return {title: cell.content for title, cell in expected_cells(source).items()}


def expected_cells(source: Source) -> dict[str, Expected]:
    """Every derived cell of a row, by title. What hangs on an error or a blank is blank."""
    full = full_name(source["Name"])
    first, _, last = (full or "").partition(" ")
    greeting = f"Hello {first}" if first else None
    address = _checked(email_address, source["E-mail"])
    domain = address.content.rpartition("@")[2] if address.content else None
    company = company_name(domain) if domain else None
    telephone = _checked(e164, source["Phone"])
    joined = _checked(calendar_date, source["Joined"])
    value = _checked(amount, source["Amount"])
    return {
        "Full name": Expected(full),
        "First name": Expected(first or None),
        "Last name": Expected(last or None),
        "Greeting": Expected(greeting),
        "E-mail address": address,
        "Domain": Expected(domain),
        "Company": Expected(company),
        "Card": Expected(", ".join(filter(None, (greeting, company))) or None),
        "Telephone": telephone,
        "Joined on": joined,
        "Year": Expected(joined.content[:4] if joined.content else None),
        "Value": value,
        "Rounded": Expected(rounded(value.content) if value.content else None),
        "Contact line": Expected(" · ".join(filter(None, (full, address.content, telephone.content))) or None),
    }


def _checked(function: Callable[[str], str], text: str | None) -> Expected:
    if text is None or not visible(text):
        return Expected(None)
    try:
        return Expected(function(visible(text)))
    except Wrong:
        return Expected(None, is_error=True)


def visible(text: str) -> str:
    """The text with single spaces, without characters that have no shape (joiners and direction marks)."""
    return " ".join("".join(letter for letter in text if category(letter) != "Cf").split())


# --- names -----------------------------------------------------------------------------------------------------------


def full_name(text: str | None) -> str | None:
    words = visible(text or "")
    for quote in "„“”":
        words = words.replace(quote, "")
    if words.lower().startswith("dr."):
        words = words[3:].lstrip()
    family, comma, given = words.partition(",")
    if comma and family and given.strip():
        words = f"{given.strip()} {family}"
    named = [name_word(word, is_first=place == 0) for place, word in enumerate(words.split(" "))]
    return " ".join(named).strip() or None


def name_word(word: str, *, is_first: bool) -> str:
    if word.lower() in SMALL_WORDS and not is_first:
        return word.lower()
    return "-".join(name_part(part) for part in word.split("-"))


def name_part(part: str) -> str:
    """`DeVito` and `McDonald` stay; `O'BRIEN` and `d’angelo` get two capitals; anything else gets one."""
    capitals = [place for place, letter in enumerate(part) if letter.isupper()]
    if len(capitals) > 1 and capitals[0] == 0 and all(part[place + 1 : place + 2].islower() for place in capitals):
        return part
    for apostrophe in "'’":
        before, mark, after = part.partition(apostrophe)
        if mark and before.lower() in {"o", "d", "l"}:
            return f"{before.upper()}{mark}{after[:1].upper()}{after[1:].lower()}"
    small = part.lower()
    if small.startswith("mc") and len(small) > len("mc") + 1:
        return f"Mc{small[2].upper()}{small[3:]}"
    return small[:1].upper() + small[1:]


def company_name(domain: str) -> str:
    words = domain.split(".")[-2].split("-")
    return " ".join(name_word(word, is_first=place == 0) for place, word in enumerate(words))


# --- addresses and numbers -------------------------------------------------------------------------------------------


def email_address(text: str) -> str:
    address = text.rstrip("; ")
    if address.endswith(">"):
        address = address[address.index("<") + 1 : -1]
    if address.lower().startswith("mailto:"):
        address = unquote(address[len("mailto:") :].split("?")[0])
    try:
        return validate_email(address, check_deliverability=False, strict=True).normalized
    except EmailNotValidError as reason:
        raise Wrong from reason


def e164(text: str) -> str:
    try:
        number = phonenumbers.parse(text, "DE")
    except phonenumbers.NumberParseException as reason:
        raise Wrong from reason
    if not phonenumbers.is_valid_number(number):
        raise Wrong
    return f"+{number.country_code}{'0' * zeros(number)}{number.national_number}"


def zeros(number: phonenumbers.PhoneNumber) -> int:
    """Leading zeros that belong to the number, as in Italy."""
    return (number.number_of_leading_zeros or 1) if number.italian_leading_zero else 0


# --- dates -----------------------------------------------------------------------------------------------------------


class EnglishDates(parserinfo):
    """dateutil's English names, day before month, and years whose century does not depend on today."""

    def __init__(self) -> None:
        super().__init__(dayfirst=True)

    def convertyear(self, year: int, century_specified: bool = False) -> int:  # noqa: FBT001, FBT002 - dateutil's
        return year if century_specified or year > 99 else year + (1900 if year > 68 else 2000)  # noqa: PLR2004


def calendar_date(text: str) -> str:
    day = text.split(" 14:", maxsplit=1)[0] if text.endswith("Uhr") else text.split("T0", maxsplit=1)[0]
    parts = day.replace("/", ".").replace("-", ".").replace(" ", "").split(".")
    found = by_numbers(parts) if all(part.isdecimal() for part in parts) else by_words(day)
    return found.isoformat()


def by_numbers(parts: list[str]) -> date:
    """Day, month, year as Germany writes them; the year first as in ISO; month before day if nothing else fits."""
    if len(parts) != len(("day", "month", "year")):
        raise Wrong
    orders = ("%Y.%m.%d",) if len(parts[0]) == len("2024") else ("%d.%m.%Y", "%d.%m.%y", "%m.%d.%Y", "%m.%d.%y")
    for order in orders:
        try:
            return datetime.strptime(".".join(parts), order).date()  # noqa: DTZ007 - a date without a place
        except ValueError:
            continue
    raise Wrong


def by_words(text: str) -> date:
    """Read twice with different defaults: what differs was not in the text."""
    english = " ".join(GERMAN_MONTHS.get(word.strip(".,").lower(), word) for word in text.split(" "))
    reader = parser(EnglishDates())
    defaults = (datetime(2000, 1, 1), datetime(2001, 2, 2))  # noqa: DTZ001 - the same
    try:
        found, again = (reader.parse(english, default=default, ignoretz=True).date() for default in defaults)
    except (ValueError, OverflowError) as reason:
        raise Wrong from reason
    if found != again:
        raise Wrong
    return found


# --- amounts ---------------------------------------------------------------------------------------------------------


def amount(text: str) -> str:
    """A German column in which some amounts are English."""
    bare = text.replace("−", "-")
    for currency in CURRENCIES:
        bare = bare.replace(currency, "")
    bare, is_negative = unsigned(bare.strip())
    is_percent = bare.endswith("%")
    number = Decimal(with_point(bare.rstrip("%").replace("’", "").replace(" ", "")))
    number = number / 100 if is_percent else number
    return canonical(-number if is_negative else number)


def unsigned(text: str) -> tuple[str, bool]:
    if text.endswith(",-"):
        return text[:-2], False
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1], True
    return text.strip("-"), text.strip("-") != text


def with_point(digits: str) -> str:
    """The digits with a point as decimal sign. The later of two kinds of sign is the decimal one."""
    dot, comma = digits.rfind("."), digits.rfind(",")
    if dot >= 0 and comma >= 0:
        thousands, sign = (",", ".") if dot > comma else (".", ",")
        whole, _, fraction = digits.rpartition(sign)
        return f"{ungrouped(whole, thousands)}.{numeric(fraction)}"
    if digits.count(",") > 1 or digits.count(".") > 1:
        return ungrouped(digits, "," if comma >= 0 else ".")
    if dot > 0 and digits[0] != "0" and dot <= 3 and len(digits) == dot + 4:  # noqa: PLR2004 - thousands
        return ungrouped(digits, ".")
    whole, sign, fraction = digits.replace(",", ".").partition(".")
    return f"{numeric(whole)}.{numeric(fraction)}" if sign else numeric(whole)


def ungrouped(digits: str, sign: str) -> str:
    first, *groups = digits.split(sign)
    if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):  # noqa: PLR2004 - thousands
        raise Wrong
    return numeric("".join((first, *groups)))


def numeric(digits: str) -> str:
    if not (digits.isascii() and digits.isdecimal()):
        raise Wrong
    return digits


def canonical(number: Decimal) -> str:
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def rounded(plain: str) -> str:
    return f"{Decimal(plain).quantize(Decimal(1), ROUND_HALF_UP) + 0:f}"
