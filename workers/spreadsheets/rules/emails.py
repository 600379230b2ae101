"""E-mail addresses, checked by the email-validator library in form only: no name server is asked."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

import regex
from email_validator import EmailNotValidError, validate_email

from workers.spreadsheets.model import Email, Value
from workers.spreadsheets.rules.text import trimmed
from workers.spreadsheets.rules.values import LOST_CHARACTER, problem, result

MAX_EMAIL_TEXT: Final = 1000  # characters: an address has at most 254, a display name may stand before it

_MAILTO = regex.compile(r"mailto:(?P<address>[^?]*+)", regex.IGNORECASE)
_IN_BRACKETS = regex.compile(r"[^<>]*+<(?P<address>[^<>]*+)>")

_NOT_AN_ADDRESS = "This is not an e-mail address; write it like name@example.com."
_SEVERAL = "There is more than one address here; keep one."


def email(text: str, _step: Email, _locale: str) -> Value:
    if len(text) > MAX_EMAIL_TEXT:
        return problem(_NOT_AN_ADDRESS, text)
    address = _bare_address(text)
    if LOST_CHARACTER in address:
        return problem(_NOT_AN_ADDRESS, text)
    if address.count("@") > 1:
        return problem(_SEVERAL, text)
    try:
        return result(validate_email(address, check_deliverability=False, strict=True).normalized, "email")
    except EmailNotValidError as reason:
        return problem(f"{_NOT_AN_ADDRESS} {reason}", text)


def _bare_address(text: str) -> str:
    """The address out of `"Ann Lee" <ann@example.com>` or `mailto:ann@example.com?subject=Hello`."""
    bare = trimmed(text).rstrip(",;. ")
    in_brackets = _IN_BRACKETS.fullmatch(bare)
    if in_brackets is not None:
        bare = in_brackets["address"].strip()
    link = _MAILTO.match(bare)
    return bare if link is None else unquote(link["address"]).strip()
