"""The one reader of the environment. Times in seconds, sizes in bytes.

Every setting is `ROWMILL_<NAME>`; the database also answers to plain `DATABASE_URL`. `.env` and `.env.local` in the
working directory are read, the environment wins.
"""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent
ADDRESS: Final = "postgresql://user:password@host:5432/database"


def variable_of(name: str) -> str:
    """The environment variable behind a setting's name, as a person would write it."""
    return "DATABASE_URL" if name.lower().endswith("database_url") else f"ROWMILL_{name.upper()}"


class Settings(BaseSettings):
    """All settings with their defaults."""

    model_config = SettingsConfigDict(
        env_prefix="ROWMILL_", env_file=(".env", ".env.local"), extra="ignore", populate_by_name=True
    )

    database_url: str | None = Field(None, validation_alias=AliasChoices("ROWMILL_DATABASE_URL", "DATABASE_URL"))
    data_dir: Path | None = None
    pg_bin: Path | None = None
    files_dir: Path = Path("out")
    domains: Annotated[tuple[str, ...], NoDecode] = ()

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

    batch_tasks: int = Field(500, ge=1)
    batch_effects: int = Field(2000, ge=1)
    batch_bytes: int = Field(4_000_000, ge=1)

    retain_completed_days: int = Field(7, ge=0, description="0 = for ever, as for the two below")
    retain_failed_days: int = Field(30, ge=0)
    retain_cancelled_days: int = Field(7, ge=0)
    retain_audit_days: int | None = Field(None, ge=1, description="the audit is never deleted unless this is set")

    log_level: str = "info"

    @field_validator("domains", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url", mode="after")
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
        """Commit connections of a worker; beside them stand one each to listen, to claim and to beat."""
        return max(1, min(self.commit_connections - 1, self.pool_max - 3))

    @property
    def worker_reads(self) -> int:
        """Read connections of a worker; 0 = reads share the commit connections."""
        return min(10, self.pool_max - 3 - self.worker_commits)

    @cached_property
    def heartbeat_s(self) -> float:
        return self.beat_s or self.lease_s / 5

    @cached_property
    def watchdog_limit_s(self) -> float:
        return 0.7 * self.lease_s if self.watchdog_s is None else self.watchdog_s
