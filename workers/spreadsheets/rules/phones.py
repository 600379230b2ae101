"""Telephone numbers as E.164, by the numbering plans of the phonenumbers library."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import phonenumbers
import regex
from phonenumbers import NumberParseException, PhoneNumberFormat

from workers.spreadsheets.model import Phone, Value, region_of
from workers.spreadsheets.rules.values import problem, result

MAX_PHONE_TEXT: Final = 100  # characters; no number is longer

_INVISIBLE = regex.compile(r"\p{Cf}+")  # direction marks, which address books put around numbers

_NOT_A_NUMBER = "This is not a telephone number; write it like +49 30 1234567."
_NOT_IN_USE = "No telephone number of this form exists in {}; check its digits."

_region = lru_cache(maxsize=256)(region_of)


def phone(text: str, step: Phone, locale: str) -> Value:
    """The number, and as `shown` how people write it abroad and its extension, which E.164 has no place for."""
    region = step.region or _region(step.locale or locale)
    if len(text) > MAX_PHONE_TEXT:
        return problem(_NOT_A_NUMBER, text)
    try:
        number = phonenumbers.parse(_INVISIBLE.sub("", text), region)
    except NumberParseException:
        return problem(_NOT_A_NUMBER, text)
    if not phonenumbers.is_valid_number(number):
        return problem(_NOT_IN_USE.format(f"the plan of +{number.country_code}"), text)
    return result(
        phonenumbers.format_number(number, PhoneNumberFormat.E164),
        "phone",
        text=phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        extension=number.extension,
    )
