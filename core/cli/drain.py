"""`rowmill drain`: asks workers to finish what they run and end, wherever they live. Owns whom a person means, and the
wait; the worker hears of it with its next beat (core/queue/beat.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import asyncpg
from cyclopts import Parameter

from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.showing import Json, console, counted, print_json, progress_bar, text
from core.db import catalogs
from core.db.connect import Connection
from core.errors import RowmillError

Who = Annotated[str | None, Parameter(name="WORKER", help="Its id, or the unique beginning of it, or host:pid.")]
Host = Annotated[str | None, Parameter(help="All workers of this host.")]
Everyone = Annotated[bool, Parameter(name="--all", negative="", help="All workers there are now.")]
Wait = Annotated[bool, Parameter(name="--wait", negative="", help="Return when they have ended.")]
LOOK_EVERY_S: Final = 0.3
UNANSWERED_LEASES: Final = 2  # a worker answers within a fifth of one


def drain(
    worker: Who = None,
    /,
    *,
    host: Host = None,
    everyone: Everyone = False,
    wait: Wait = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Ask workers to drain, as SIGTERM does: no new claims, what runs may finish, the rest goes back, exit code 0.

    What supervises a worker starts a new one in its place (supervisord with autorestart=true, systemd with
    Restart=always, Kubernetes, `rowmill work --processes`): so this is how to restart workers one by one. To have fewer
    of them, tell the supervisor.
    """
    if [worker is not None, host is not None, everyone].count(True) != 1:
        raise RowmillError("say whom to drain: one WORKER (`rowmill workers` lists them), or --host HOST, or --all")

    async def request(connection: Connection) -> tuple[list[asyncpg.Record], list[str]]:
        meant = chosen([row for row in await _all(connection) if row["alive"]], worker, host)
        asked = await catalogs.inspect()["workers.drain"].fetch(
            connection, worker_ids=[row["worker_id"] for row in meant]
        )
        if not as_json:
            _say(f"asked {counted(len(asked), 'worker')} to drain: {', '.join(map(place, meant))}")
        return meant, await _until_gone(connection, meant, loud=not as_json) if wait else []

    meant, unanswered = ask(data_dir, request)
    if as_json:
        ids = [row["worker_id"] for row in meant]
        print_json({"asked": ids, "gone": [i for i in ids if i not in unanswered] if wait else None})
    elif not wait:
        _say("see them go with `rowmill workers`")
    if unanswered:
        raise RowmillError(
            f"{counted(len(unanswered), 'worker')} did not answer ({', '.join(unanswered)}): of an older release, "
            "or stuck; stop them on their own machine with SIGTERM"
        )


def chosen(living: Sequence[asyncpg.Record], worker: str | None, host: str | None) -> list[asyncpg.Record]:
    """The workers a person means. Raises RowmillError where that is none, or a beginning fits several."""
    if worker is None:
        found = [row for row in living if host in {None, row["host"]}]
        whose = "" if host is None else f" on the host {host!r}"
        if not found:
            raise RowmillError(f"no worker lives{whose}; `rowmill workers` lists them")
        return found
    found = [row for row in living if worker in {row["worker_id"], place(row)}]
    found = found or [row for row in living if worker and row["worker_id"].startswith(worker)]
    if not found:
        raise RowmillError(f"no living worker has the id or the host:pid {worker!r}; `rowmill workers` lists them")
    if len(found) > 1:
        raise RowmillError(f"{counted(len(found), 'worker')} have an id that begins with {worker!r}; give more of it")
    return found


def place(row: asyncpg.Record) -> str:
    return f"{row['host']}:{row['pid']}"


async def _all(connection: Connection) -> list[asyncpg.Record]:
    return await catalogs.inspect()["workers"].fetch(connection)


async def _until_gone(connection: Connection, meant: Sequence[asyncpg.Record], *, loud: bool) -> list[str]:
    """Waits until each of them has ended; returns the ids of those that have not even begun to drain.

    Bounded by their own drain limits: whoever stops beating meanwhile counts as gone when its lease is over.
    """
    told: dict[str, str] = {}
    with progress_bar("draining", len(meant)) as bar:
        while True:
            now = {row["worker_id"]: row for row in await _all(connection) if row["alive"]}
            for row in meant:
                state = _state(now.get(row["worker_id"]))
                if told.get(row["worker_id"]) != state:
                    told[row["worker_id"]] = state
                    bar.advance(state == "is gone")
                    if loud:
                        _say(f"{place(row)} {state}")
            if all(state in {"is gone", "does not answer"} for state in told.values()):
                return list(_silent(told))
            await asyncio.sleep(LOOK_EVERY_S)


def _silent(told: dict[str, str]) -> Iterator[str]:
    return (worker_id for worker_id, state in told.items() if state == "does not answer")


def _state(row: asyncpg.Record | None) -> str:
    if row is None:
        return "is gone"
    if row["draining"]:
        return "drains"
    asked = row["drain_asked_at"]
    if asked is None or (row["seen_at"] - asked).total_seconds() > UNANSWERED_LEASES * row["lease_s"]:
        return "does not answer"
    return "has been asked"


def _say(sentence: str) -> None:
    console().print(text(sentence), soft_wrap=True)
