"""Numbers in the notations people write, as plain decimal strings: `1.234,56 €` in de_DE becomes `1234.56`.

A text that fits the notation of the locale is read so. If it does not, but fits the point or the comma as decimal
sign without doubt (`1,234.56` in de_DE), it is read that way and a note says so. Where both readings are possible and
differ (`1.234`), the locale decides and a note says so, unless the text is a plain decimal string of the locale.
Accounting brackets, a trailing minus, percent, currencies, exponents and digits of other scripts are understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Final

import regex
from babel import Locale
from babel.numbers import get_decimal_symbol

from workers.spreadsheets.model import Number, Value
from workers.spreadsheets.rules.values import in_ascii_digits, problem, result

MAX_NUMBER_TEXT: Final = 100  # characters; no amount is longer
MAX_EXPONENT: Final = 60

_PRECISE = Context(prec=MAX_NUMBER_TEXT + MAX_EXPONENT + 30, rounding=ROUND_HALF_UP)
_INVISIBLE = regex.compile(r"\p{Cf}+")
_SIGNS = str.maketrans("−–—‒﹣－＋٫٬’％٪", "------+,''%%")
_SPACES = regex.compile(r"\s")
_WORD_BEFORE = regex.compile(r"[\p{L}\p{Sc}.]*[\p{L}\p{Sc}]\.?")
_WORD_BEHIND = regex.compile(r"(?r)" + _WORD_BEFORE.pattern + r"\Z")
_CURRENCY_SIGN = regex.compile(r"(?:US|A|AU|C|CA|HK|MX|NT|NZ|R|S)?\p{Sc}")  # not T€ or M$, thousands and millions
_AMOUNT = regex.compile(
    r"(?P<digits>[0-9](?:[0-9.,' ]*[0-9])?|[.,][0-9]+)(?:e(?P<exponent>[+-]?[0-9]{1,3}))?", regex.IGNORECASE
)
_NO_CENTS = regex.compile(r"(?<=[0-9])[.,]-{1,2}$")
_CURRENCY_WORDS: Final = frozenset(
    {"dollar", "dollars", "euro", "euros", "fr", "ft", "kr", "kč", "lei", "pounds", "rs", "sfr", "tl", "zł", "руб"}
)

_NOT_A_NUMBER: Final = {
    ",": "This is not a number; write it like 1.234,56.",
    ".": "This is not a number; write it like 1,234.56.",
}


@dataclass(frozen=True, slots=True)
class _Written:
    """A number taken apart: sign and scale beside the digits with their separators."""

    digits: str
    is_negative: bool
    is_percent: bool
    exponent: int


def number(text: str, step: Number, locale: str) -> Value:
    decimal_sign = _decimal_sign(step.locale or locale)
    written = _taken_apart(text) if len(text) <= MAX_NUMBER_TEXT else None
    if written is None:
        return problem(_NOT_A_NUMBER[decimal_sign], text)
    other_sign = "." if decimal_sign == "," else ","
    ours, other = _digits_read(written.digits, decimal_sign), _digits_read(written.digits, other_sign)
    digits = ours or other
    if digits is None:
        return problem(_NOT_A_NUMBER[decimal_sign], text)
    return result(_plain(digits, written, step.decimals), "number", note=_note(ours, other, other_sign))


def _note(ours: str | None, other: str | None, other_sign: str) -> str | None:
    if ours is None:
        return f"Read with “{other_sign}” as the decimal sign, since nothing else fits."
    if other is not None and ours != other and "." not in ours:
        return f"Read with “{other_sign}” between thousands, as the locale has it."
    return None


@lru_cache(maxsize=256)
def _decimal_sign(locale: str) -> str:
    """The comma or the point; locales with a sign of their own (Arabic) count as comma locales, as their digits do."""
    return "." if get_decimal_symbol(Locale.parse(locale)) == "." else ","


def _taken_apart(text: str) -> _Written | None:
    plain = _in_plain_signs(text)
    in_brackets = plain.startswith("(") and plain.endswith(")")
    plain, before = _without_sign(_without_words(plain[1:-1] if in_brackets else plain))
    percents = plain.count("%")
    plain, after = _without_sign(_without_words(plain.strip("% ")))
    amount = _AMOUNT.fullmatch(plain)
    signs = before + after + "-" * in_brackets
    if amount is None or len(signs) > 1 or percents > 1 or abs(int(amount["exponent"] or 0)) > MAX_EXPONENT:
        return None
    return _Written(amount["digits"], signs == "-", percents == 1, int(amount["exponent"] or 0))


def _in_plain_signs(text: str) -> str:
    """ASCII digits and signs, single kinds of space and apostrophe, nothing invisible."""
    signs = _SPACES.sub(" ", _INVISIBLE.sub("", text)).translate(_SIGNS).strip()
    return in_ascii_digits(signs)


def _without_sign(text: str) -> tuple[str, str]:
    """The text without one sign before or behind it, and that sign; `12,-` has no cents, not a sign."""
    bare = _NO_CENTS.sub("", text)
    if bare[:1] in {"-", "+"}:
        return bare[1:].strip(), bare[0]
    if bare[-1:] == "-":
        return bare[:-1].strip(), "-"
    return bare, ""


def _without_words(text: str) -> str:
    """The text without a currency before or behind the number."""
    for piece in (_WORD_BEFORE.match(text), _WORD_BEHIND.search(text)):
        if piece is not None and _is_currency(piece[0]):
            return (text[: piece.start()] + text[piece.end() :]).strip()
    return text


@lru_cache(maxsize=1024)
def _is_currency(word: str) -> bool:
    bare = word.strip(".")
    is_name = bare.lower() in _CURRENCY_WORDS or bare.upper() in Locale.parse("en").currencies
    return is_name or _CURRENCY_SIGN.fullmatch(bare) is not None


def _digits_read(digits: str, decimal_sign: str) -> str | None:
    """The digits with a point as their only sign when read with this decimal sign; None when they do not fit."""
    whole, sign, fraction = digits.partition(decimal_sign)
    if sign and not (fraction.isdecimal() and fraction.isascii()):
        return None
    separators = set(whole) - set("0123456789")
    if not separators:
        return f"{whole or '0'}.{fraction}" if sign else whole
    separator = separators.pop()
    if separators or not _is_grouped(whole.split(separator)):
        return None
    return whole.replace(separator, "") + ("." + fraction if sign else "")


def _is_grouped(groups: list[str]) -> bool:
    """Whether these stand between thousands separators: 1 234 567, or 12,34,567 as India writes it."""
    first, *middle, last = groups
    in_threes = 1 <= len(first) <= 3 and all(len(group) == 3 for group in middle)  # noqa: PLR2004 - thousands
    in_twos = 1 <= len(first) <= 2 and all(len(group) == 2 for group in middle)  # noqa: PLR2004 - lakhs
    return len(last) == 3 and first[:1] != "0" and (in_threes or in_twos)  # noqa: PLR2004 - thousands


def _plain(digits: str, written: _Written, decimals: int | None) -> str:
    """The canonical string: no exponent, no plus, no leading zeros, trailing ones only as `decimals` asks."""
    scale = written.exponent - (2 if written.is_percent else 0)
    value = Decimal(digits).scaleb(scale, _PRECISE)
    if decimals is not None:
        value = value.quantize(Decimal(1).scaleb(-decimals), context=_PRECISE)
    elif value == value.to_integral_value():
        value = value.quantize(Decimal(1), context=_PRECISE)
    else:
        value = value.normalize(_PRECISE)
    return format(-value if written.is_negative and value else value, "f")
