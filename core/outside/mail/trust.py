"""Why a server of mail is not talked to: what a person can mend, in a sentence, without secrets."""

from __future__ import annotations

import ssl
from typing import Final

MEND: Final = "name a CA of your own in the environment as SSL_CERT_FILE, or correct the host"


def told(error: BaseException) -> str:
    """The certificate that is not trusted, else what the library says."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}; {MEND}"
        cause = cause.__cause__ or cause.__context__
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
