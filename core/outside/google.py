"""The Google account of this installation, and how many calls a minute it may make. Knows no domain."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from core.errors import RowmillError
from core.settings import Settings

BURST: Final = 5.0  # calls at once; with the rate it stays below the quota in every minute


class NoGoogleAccount(RowmillError):
    """The key of the service account cannot be used."""


@dataclass(frozen=True, slots=True)
class GoogleAccount:
    """A service account. `key` is secret; `name` may be told. `url` leads to an emulator."""

    name: str
    key: dict[str, Any] = field(repr=False)
    url: str | None
    per_minute: float

    @property
    def rate(self) -> float:
        """Calls a second, so that burst and rate together stay within a minute's quota."""
        return (self.per_minute - BURST) / 60


@cache
def google_account() -> GoogleAccount | None:
    """`ROWMILL_GOOGLE_CREDENTIALS`, or None. Raises NoGoogleAccount. Read once per process."""
    settings = Settings()
    if settings.google_credentials is None:
        return None
    key = _key(settings.google_credentials)
    return GoogleAccount(str(key["client_email"]), key, settings.google_url, settings.google_per_minute)


def _key(file: Path) -> dict[str, Any]:
    try:
        key = orjson.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise NoGoogleAccount(
            f"the key of the Google account cannot be read ({type(error).__name__}); see {file}"
        ) from error
    if not isinstance(key, dict) or not {"client_email", "private_key", "token_uri"} <= key.keys():
        raise NoGoogleAccount(f"{file} is no key of a Google service account; download one as JSON")
    return key


@cache
def sheet_format() -> Literal["xlsx", "csv"]:
    """`ROWMILL_SHEET_FORMAT`: what sheets are written as where there is no account."""
    return Settings().sheet_format
