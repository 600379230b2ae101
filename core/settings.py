"""The one reader of the environment. Times in seconds, sizes in bytes.

Every setting is `ROWMILL_<NAME>`; some answer to the names of other systems too (ALIASES). Files in the working
directory are read, later ones win, and the environment wins over all: `.env`, `.env.local`, and `.env.<environment>`
where `ROWMILL_ENV` or `NEON_ENV` names one, so that several environments lie side by side. A secret may stand in a file
of its own, as containers hand it over: `DATABASE_URL_FILE=/run/secrets/database_url`.
"""

from __future__ import annotations

import logging
import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from dotenv import dotenv_values
from pydantic import AliasChoices, BeforeValidator, Field, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from core.errors import RowmillError
from core.rates import per_second

PROJECT = Path(__file__).resolve().parent.parent
ADDRESS: Final = "postgresql://user:password@host:5432/database"


def _rate(value: Any, seconds: float = 1.0) -> Any:
    """A bare number means what its setting says; `60/min` is a rate by itself."""
    return per_second(value) * seconds if isinstance(value, str) and "/" in value else value


PerSecond = Annotated[float, BeforeValidator(_rate)]
PerMinute = Annotated[float, BeforeValidator(lambda value: _rate(value, 60.0))]


ALIASES: Final = {
    "database_url": ("ROWMILL_DATABASE_URL", "DATABASE_URL", "NEON_DATABASE_URL"),
    "debug": ("ROWMILL_DEBUG", "DEBUG"),
    "llm_key": ("ROWMILL_LLM_KEY", "OPENAI_API_KEY"),
    "mail_password": ("ROWMILL_MAIL_PASSWORD", "RESEND_API_KEY"),
    "store_documents": ("ROWMILL_STORE_DOCUMENTS", "ENABLE_NEON_DB_STORAGE"),
    "store_blobs": ("ROWMILL_STORE_BLOBS", "ENABLE_VERCEL_BLOB_UPLOAD"),
}
# Each may be given as <NAME>_FILE.
SECRETS: Final = ("database_url", "listen_url", "llm_key", "mail_password", "mailbox_password")
ENVIRONMENT: Final = ("ROWMILL_ENV", "NEON_ENV")
FILES: Final = (".env", ".env.local")
FEW_CONNECTIONS: Final = 6  # up to here a worker claims on one


def variable_of(name: str) -> str:
    """The environment variable behind a setting's name, as a person would write it."""
    return "DATABASE_URL" if name.lower().endswith("database_url") else f"ROWMILL_{name.upper()}"


def environment() -> str | None:
    """The environment's name, where one is named. It may itself stand in one of the first two files."""
    found = {name: value for file in FILES for name, value in dotenv_values(file).items()} | os.environ
    return next((value for name in ENVIRONMENT if (value := found.get(name))), None)


def env_files() -> tuple[str, ...]:
    """The files to read, the strongest last."""
    named = environment()
    return (*FILES, f".env.{named}") if named and "/" not in named else FILES


class SecretFiles(PydanticBaseSettingsSource):
    """`DATABASE_URL_FILE`: the value is what stands in that file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - pydantic's
        for name in ALIASES.get(field_name, (f"ROWMILL_{field_name.upper()}",)):
            if path := self._given.get(f"{name}_FILE"):
                return _secret(f"{name}_FILE", path), f"{name}_FILE", False
        return None, "", False

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(self.settings_cls.model_fields[name], name)[0] for name in SECRETS}
        return {ALIASES[name][0]: value for name, value in values.items() if value is not None}

    @cached_property
    def _given(self) -> dict[str, str | None]:
        files = {name: value for file in env_files() for name, value in dotenv_values(file).items()}
        return files | os.environ


def _secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SecretUnreadable(f"{name} names the file {path}, which cannot be read ({why}); correct it") from error


class SecretUnreadable(RowmillError):
    """The file of a secret is not there, or not ours to read."""


class Settings(BaseSettings):
    """All settings with their defaults."""

    model_config = SettingsConfigDict(env_prefix="ROWMILL_", env_file=FILES, extra="ignore", populate_by_name=True)

    database_url: str | None = Field(None, validation_alias=AliasChoices(*ALIASES["database_url"]))
    data_dir: Path | None = None
    pg_bin: Path | None = None
    files_dir: Path = Path("out")
    blob_url: str | None = Field(None, description="s3://bucket/folder or file:///folder; default files_dir/blobs")
    store_documents: bool = Field(default=True, validation_alias=AliasChoices(*ALIASES["store_documents"]))
    store_blobs: bool = Field(default=True, validation_alias=AliasChoices(*ALIASES["store_blobs"]))
    domains: Annotated[tuple[str, ...], NoDecode] = ()
    google_credentials: Path | None = Field(None, description="the JSON key of a Google service account")
    google_url: str | None = Field(None, description="an emulator of the Google APIs instead of Google")
    google_per_minute: PerMinute = Field(
        54.0, gt=5, le=3000, description="reads, and writes, of the account in a minute"
    )
    sheet_format: Literal["xlsx", "csv"] = Field("xlsx", description="of exported sheets where no Google account is")

    debug: bool = Field(default=False, validation_alias=AliasChoices(*ALIASES["debug"]))
    log_level: str = "info"

    lease_s: float = Field(15.0, ge=3, le=300)
    beat_s: float | None = None
    poll_s: float = Field(1.0, ge=0, le=60, description="0 switches polling off (tests of the bells only)")
    drain_s: float = Field(30.0, ge=0)
    claim_timeout_s: float = Field(2.0, gt=0)
    watchdog_s: float | None = Field(None, description="0 = off; default 0.7 x lease")

    commit_connections: int = Field(3, ge=2, le=10, description="a worker opens one fewer: one is for commands")
    pool_max: int = Field(20, ge=4, description="connections of a worker process, all of them")
    pool_idle_s: float = Field(30.0, gt=0)
    connect_timeout_s: float = Field(2.0, gt=0)
    statement_timeout_s: float = Field(30.0, gt=0)

    memory_mb: int = Field(1024, ge=0, description="memory of a worker process (what it may write to); 0 = no limit")
    child_memory_mb: int = Field(1024, ge=128, description="of a task that runs alone; not below memory_mb, to be fair")
    child_cpu_s: int = Field(600, ge=1, description="processor time of a task that runs alone")
    child_time_s: float | None = Field(None, gt=0, description="default: its operator's run_timeout_s and a minute")

    batch_tasks: int = Field(500, ge=1)
    batch_effects: int = Field(2000, ge=1)
    batch_bytes: int = Field(4_000_000, ge=1)

    retain_completed_days: int = Field(7, ge=0, description="0 = for ever, as for the two below")
    retain_failed_days: int = Field(30, ge=0)
    retain_cancelled_days: int = Field(7, ge=0)
    retain_audit_days: int | None = Field(None, ge=1, description="the audit is never deleted unless this is set")
    retain_copies_days: int = Field(90, ge=0, description="what domains keep to have it again: answers, deleted rows")

    web_rate: PerSecond = Field(20.0, gt=0, description="requests a second of one token; twice as many at once")
    web_body_bytes: int = Field(64_000, ge=1000, description="of a request; a route may take more")
    web_time_limit_s: float = Field(10.0, gt=0, description="of a request")
    web_connection_wait_s: float = Field(2.0, gt=0, description="then the pool counts as exhausted")
    web_sockets: int = Field(100, ge=1, description="WebSocket clients of one process")
    web_drain_s: float = Field(10.0, ge=0, description="for requests under way when the server stops")
    web_session_s: float = Field(12 * 3600.0, ge=60, description="how long a login of the page lasts")
    web_hosts: Annotated[tuple[str, ...], NoDecode] = ()  # names this server answers to; none = by the address it binds

    shape_chunk_bytes: int = Field(10_485_760, ge=1000, description="of one answer with rows of a shape")
    shape_poll_s: float = Field(20.0, gt=0, lt=45, description="how long a live request is held; clients give up at 45")
    shape_tick_s: float = Field(0.02, gt=0, le=1, description="between two looks at the change log while clients wait")
    shape_max_age_s: int = Field(60, ge=0, description="how long a cache may keep answers that are not live")
    shape_stale_s: int = Field(300, ge=0, description="and go on showing them while it asks anew")

    listen_url: str | None = Field(None, description="the server's own address, where database_url is a pooler's")
    code_version: str | None = Field(None, description="shown for each worker; default: release and git revision")

    fetch_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="inside addresses that may be fetched: 127.0.0.1:8123, 10.0.0.0/8, intranet.example"
    )
    fetch_per_s: PerSecond = Field(1.0, gt=0, le=1000, description="requests to one host, of all workers together")
    fetch_burst: float = Field(5.0, ge=1, le=1000, description="requests to one host that need not wait")
    fetch_limit_s: float = Field(20.0, gt=0, le=120)
    fetch_max_bytes: int = Field(5_000_000, ge=1000, le=50_000_000)
    fetch_robots: bool = Field(default=True, description="false = fetch what a site's robots.txt excludes, too")

    llm_url: str | None = Field(None, description="https://api.openai.com/v1 or another; none = no language model")
    llm_key: str | None = Field(None, validation_alias=AliasChoices(*ALIASES["llm_key"]))
    llm_model: str = "gpt-4o-mini"
    llm_limit_s: float = Field(60.0, gt=0, le=280)
    llm_max_tokens: int = Field(2000, ge=100, le=100_000)
    llm_per_s: float = Field(1.0, gt=0, le=1000, description="calls of all workers together")
    llm_burst: float = Field(5.0, ge=1, le=1000)
    llm_sheet_tokens: int = Field(1_000_000, ge=0, description="budget of a sheet that has none of its own")
    llm_price_in: float | None = Field(None, ge=0, description="of a million tokens asked, for estimates")
    llm_price_out: float | None = Field(None, ge=0, description="of a million tokens answered")

    mail_url: str | None = Field(None, description="smtp://user@host:587; none = mails become files in mail_dir")
    mail_password: str | None = Field(None, validation_alias=AliasChoices(*ALIASES["mail_password"]))
    mail_from: str = Field("Rowmill <agent@rowmill.invalid>", description="who writes; replies come to this address")
    mail_dir: Path = Path("out/mail")
    mailbox_url: str | None = Field(None, description="imaps://user@host/INBOX: polled by deals.poll_mailbox")
    mailbox_password: str | None = None
    mailbox_workspace: UUID | None = Field(None, description="whose its mails are; none = the default workspace's")
    mail_limit_s: float = Field(30.0, gt=0, le=300, description="for each answer of a mail server")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The strongest first. A plain value wins over the file of the same secret."""
        return init_settings, env_settings, DotEnvSettingsSource(settings_cls, env_files()), SecretFiles(settings_cls)

    @field_validator("debug", mode="before")
    @classmethod
    def _on(cls, value: object) -> object:
        """Many programs read DEBUG, and give it other meanings: what is not plainly on is off."""
        return value.strip().lower() in {"true", "1", "yes", "on"} if isinstance(value, str) else value

    @field_validator("domains", "web_hosts", "fetch_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url", "listen_url", mode="after")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value and value.partition("://")[0] not in {"postgresql", "postgres"}:
            raise ValueError(f"this is no address of a PostgreSQL database; write it as {ADDRESS}")
        return value

    @field_validator("log_level", mode="after")
    @classmethod
    def _a_level(cls, value: str) -> str:
        if value.upper() not in logging.getLevelNamesMapping():
            raise ValueError("the levels are debug, info, warning and error")
        return value

    @property
    def worker_commits(self) -> int:
        """Commit connections of a worker; beside them stand those that claim, and one each to listen and to beat."""
        return max(1, min(self.commit_connections - 1, self.pool_max - 2 - self.worker_claims))

    @property
    def worker_claims(self) -> int:
        """Claim connections of a worker; the second one opens where two pools claim at once."""
        return 2 if self.pool_max > FEW_CONNECTIONS else 1

    @property
    def worker_reads(self) -> int:
        """Read connections of a worker; 0 = reads share the commit connections."""
        return min(10, self.pool_max - 2 - self.worker_claims - self.worker_commits)

    @cached_property
    def heartbeat_s(self) -> float:
        return self.beat_s or self.lease_s / 5

    @cached_property
    def watchdog_limit_s(self) -> float:
        return 0.7 * self.lease_s if self.watchdog_s is None else self.watchdog_s
