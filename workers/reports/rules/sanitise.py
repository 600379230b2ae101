"""What of a chat must not be kept: secrets and addresses of people. Replaced by words that say what stood there."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = "password|passwd|pwd|passphrase|secret|token|api[_ -]?key"
# A number begins where no word, issue, date, time, amount, address or version goes on; it ends the same way.
_BEGIN: Final = r"(?:(?=\()|(?<![\w+#])(?<!\w[-/_])(?<!\d[.,:]))"
_END: Final = r"(?!\w|[-.,:/+]\d)"
_NINE: Final = r"(?=(?:[ ()/-]{0,3}\d){9})"
_DIGITS: Final = r"(?:[ /-]{0,3}(?!\b(?:19|20)\d\d-[01]\d-)\d){4,12}"  # up to a date
_PHONES: Final = (
    r"(?<![\w.-])\+\d[\d ().-]{7,18}\d(?!\w)",
    rf"{_BEGIN}{_NINE}(?:\(0\d{{1,5}}\)|0\d{{2,5}}){_DIGITS}{_END}",
    rf"{_BEGIN}0[1-9][ /-](?!(?:19|20)\d\d\b)\d{{3,4}}[ -]?\d{{4}}{_END}",  # a short code; no month and year
    rf"{_BEGIN}(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[./-])\d{{3}}[ .-]?\d{{4}}{_END}",  # North America
    rf"{_BEGIN}(?<!\d )0[1-9](?:[ .-]\d\d){{4}}(?! \d){_END}",  # five pairs; no longer list of days
)
_PATTERNS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE if insensitive else 0), stands)
    for pattern, stands, insensitive in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]{0,20000}?-----END [A-Z ]*PRIVATE KEY-----", "[private key]", False),
        (r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}", "[token]", False),
        (r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}", "[token]", False),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", "[key]", False),
        (r"\bsk-[A-Za-z0-9_-]{16,}", "[key]", False),
        (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}", "[token]", False),
        (r"(?<=://)[^\s:/@]{1,100}:[^\s/@]{1,200}(?=@)", "[login]", False),
        (
            rf"(?P<kept>\b(?:{_NAMES})\b[\"'`*]*\s*(?:[:=]|\bis\b)\s*[\"'`]?)(?!\[)[^\s\"'`,;]{{4,200}}",
            "[secret]",
            True,
        ),
        (r"\bBearer\s+[A-Za-z0-9._~+/-]{12,}=*", "Bearer [token]", True),
        (r"\b[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}\b", "[e-mail]", False),
        *((phone, "[phone]", False) for phone in _PHONES),
    )
)


def sanitised(text: str) -> tuple[str, int]:
    """The text without them, and how many were replaced. Doing it twice changes nothing more."""
    count = 0
    for pattern, stands in _PATTERNS:
        kept = "kept" in pattern.groupindex

        def replaced(found: re.Match[str], stands: str = stands, *, kept: bool = kept) -> str:
            return f"{found['kept']}{stands}" if kept else stands

        text, times = pattern.subn(replaced, text)
        count += times
    return text, count
