"""Mail of the tests: into a folder of the test, or to a server on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.outside import language_model, mailer
from tests.core.cli.conftest import rowmill

__all__ = ["outbox", "rowmill", "use_mail_server", "use_model"]

SetMail = Callable[[str], None]


@pytest.fixture(autouse=True)
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder mails are written to, unless the test names a server."""
    monkeypatch.setenv("ROWMILL_MAIL_DIR", str(tmp_path / "outbox"))
    monkeypatch.setenv("ROWMILL_MAIL_FROM", "Agent <agent@rowmill.example>")
    mailer.cache_clear()
    yield tmp_path / "outbox"
    mailer.cache_clear()


@pytest.fixture
def use_mail_server(outbox: Path, monkeypatch: pytest.MonkeyPatch) -> SetMail:
    """`use_mail_server(url)`: from now on mails go there."""

    def use(url: str) -> None:
        monkeypatch.setenv("ROWMILL_MAIL_URL", url)
        monkeypatch.setenv("ROWMILL_MAIL_LIMIT_S", "1")
        mailer.cache_clear()

    return use


@pytest.fixture
def use_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetMail]:
    """`use_model(url)`: from now on drafts are written there."""

    def use(url: str) -> None:
        monkeypatch.setenv("ROWMILL_LLM_URL", url)
        monkeypatch.setenv("ROWMILL_LLM_KEY", "key of the test")
        monkeypatch.setenv("ROWMILL_LLM_LIMIT_S", "0.5")
        monkeypatch.setenv("ROWMILL_LLM_PER_S", "100")
        language_model.cache_clear()

    yield use
    language_model.cache_clear()
