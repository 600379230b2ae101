"""The mail of this installation, read from the settings once."""

from __future__ import annotations

from functools import cache
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from core.errors import RowmillError
from core.outside.mail.sending import Folder, Mailer, Smtp
from core.settings import PROJECT, Settings

IMPLICIT, STARTTLS = "implicit", "starttls"
PORTS: Final = {"smtps": 465, "smtp": 587}
ADDRESS: Final = "smtp://user@host:587 (STARTTLS), smtps://user@host:465, or smtp://127.0.0.1:25?tls=none"


class MailSettingsWrong(RowmillError):
    """The settings of mail cannot be used; the message says what to write."""


@cache
def mailer() -> Mailer:
    """SMTP where `mail_url` names a server, else the folder `mail_dir`. Raises MailSettingsWrong."""
    settings = Settings()
    if settings.mail_url is None:
        place = settings.mail_dir
        return Folder(place if place.is_absolute() else PROJECT / place)
    return smtp_of(settings.mail_url, settings.mail_password, settings.mail_limit_s)


def smtp_of(url: str, password: str | None, limit_s: float) -> Smtp:
    """The server of an address. Raises MailSettingsWrong."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
        tls = IMPLICIT if parts.scheme == "smtps" else (parse_qs(parts.query).get("tls") or [STARTTLS])[0]
    except (ValueError, KeyError) as error:
        raise MailSettingsWrong(f"ROWMILL_MAIL_URL is no address of a mail server; write {ADDRESS}") from error
    if not parts.hostname or tls not in {IMPLICIT, STARTTLS, "none"}:
        raise MailSettingsWrong(f"ROWMILL_MAIL_URL is no address of a mail server; write {ADDRESS}")
    user = unquote(parts.username) if parts.username else None
    secret = password or (unquote(parts.password) if parts.password else None)
    if tls == "none" and user and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise MailSettingsWrong("ROWMILL_MAIL_URL would send the password in the clear; leave tls=none out")
    return Smtp(parts.hostname, port, tls, user, secret, limit_s)


def sender() -> str:
    """From whom mails come, as `Name <address>`."""
    return Settings().mail_from
