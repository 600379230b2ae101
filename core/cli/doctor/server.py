"""The server and the way to it: version, role, durability, encryption, clock, disk."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from core.cli.doctor.findings import Finding, ok, problem, warning
from core.cli.doctor.patient import Patient
from core.cli.showing import duration
from core.db.checks import NEWEST, OLDEST

SKEW_LIMIT_S: Final = 2.0
FREE_PERCENT: Final = 10
LOCAL: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})


async def server(patient: Patient) -> list[Finding]:
    """Which server it is, whether it may be written to and keeps what it is told."""
    row = await patient.ask_one("server")
    found = [version(row["major"], row["version"])]
    if row["in_recovery"]:
        found.append(
            problem("server", "this server is a standby: nothing can be written", "let DATABASE_URL name the primary")
        )
    return found + [_risky(setting) for setting in ("fsync", "full_page_writes") if row[setting] == "off"]


def _risky(setting: str) -> Finding:
    said = f"{setting} is off: a crash of the server may lose or damage what was committed"
    return warning("durability", said, f"set {setting} = on in postgresql.conf, unless this is a server for tests")


def version(major: int, shown: str) -> Finding:
    """Supported are the versions that the tests run on."""
    if major < OLDEST:
        step = f"upgrade the server to PostgreSQL {OLDEST} to {NEWEST}"
        return problem("version", f"PostgreSQL {shown} is too old", step)
    if major > NEWEST:
        step = f"use PostgreSQL {OLDEST} to {NEWEST}, or a newer rowmill"
        return warning("version", f"PostgreSQL {shown} is newer than this version was tried with", step)
    return ok("version", f"PostgreSQL {shown}")


async def encryption(patient: Patient) -> list[Finding]:
    """Who can read along, and who can pretend to be the server (D4.21)."""
    return [tls(patient.dsn, encrypted=(await patient.ask_one("server"))["encrypted"])]


def tls(dsn: str, *, encrypted: bool) -> Finding:
    """Only `verify-full` knows that the server is the one in the address."""
    parts = urlsplit(dsn)
    options = parse_qs(parts.query)
    if is_local(dsn):
        return ok("tls", "the server is on this machine: nobody stands in between")
    mode = (options.get("sslmode") or [os.environ.get("PGSSLMODE", "prefer")])[0]
    if mode == "verify-full":
        return ok("tls", "the connection is encrypted, and the server's name is verified")
    now = "encrypted, but the server is not verified" if encrypted else "not encrypted"
    step = "add sslmode=verify-full to DATABASE_URL, and sslrootcert=<file> if its authority is not in ~/.postgresql"
    return warning("tls", f"the connection to {parts.hostname} is {now} (sslmode={mode})", step)


def is_local(dsn: str) -> bool:
    """Whether the address names this machine: a socket's folder or the loopback interface."""
    parts = urlsplit(dsn)
    hosts = parse_qs(parts.query).get("host", [parts.hostname or os.environ.get("PGHOST", "")])
    return all(each in LOCAL or each.startswith("/") for host in hosts for each in host.split(","))


async def clock(patient: Patient) -> list[Finding]:
    """Leases and due times go by the database's clock alone; this machine's is in logs and in `--since`."""
    before = datetime.now(UTC)
    row = await patient.ask_one("server")
    after = datetime.now(UTC)
    middle = before + (after - before) / 2
    away = abs(row["now"] - middle)
    if away.total_seconds() <= SKEW_LIMIT_S:
        return [ok("clock", f"this machine and the database agree within {duration(away)}")]
    said = f"the clocks of this machine and of the database are {duration(away)} apart"
    return [warning("clock", said, "let NTP set both; until then times in logs and in --since are off")]


async def disk(patient: Patient) -> list[Finding]:
    """The disks of this machine: the database's where it is here, and the one for files."""
    row = await patient.ask_one("server")
    found = [_room("the files", _existing(patient.settings.files_dir))]
    place = Path(row["data_directory"] or "/nonexistent")
    if is_local(patient.dsn) and place.exists():
        found.append(_room("the database", place))
    return found


def _existing(place: Path) -> Path:
    place = place.resolve()
    while not place.exists():
        place = place.parent
    return place


def _room(what: str, place: Path) -> Finding:
    use = shutil.disk_usage(place)
    percent = 100 * use.free // use.total
    said = f"the disk of {what} ({place}) has {use.free / 1e9:.1f} GB free, {percent} %"
    if percent >= FREE_PERCENT:
        return ok("disk", said)
    return warning("disk", said, "free some space, or shorten the retention; see `rowmill retention --dry-run`")
