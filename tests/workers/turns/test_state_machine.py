"""Several devices against a model of the server: random edits, deletes, refusals, partitions, lost answers, repeated
pages. When everybody is back, and has typed anew what was refused, they hold the server's rows, each change was done
once, and nobody's untouched word was lost."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workers.turns.client import queue
from workers.turns.client.model import TABLES, Operation, Row, Strategy
from workers.turns.client.store import Store

IDS = ("a", "b", "c")
COLUMNS = ("wo_number", "turn_amount")
REFUSED = "no"  # a text that begins so is not taken
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("edit", "edit", "edit refused", "insert", "delete", "push", "push, answer lost", "pull"),
                *("server edit", "server delete"),
            ]
        ),
        st.integers(0, 2),
        st.sampled_from(IDS),
        st.sampled_from(COLUMNS),
    ),
    max_size=40,
)


@dataclass
class Server:
    """What `/v1/shape` and `/api/write/turns` do, in a few lines."""

    rows: dict[str, Row] = field(default_factory=dict)
    log: list[tuple[str, Row]] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    gone: dict[str, int] = field(default_factory=dict)  # versions of deleted rows
    clock: int = 0

    def _at(self) -> str:
        self.clock += 1
        return f"2026-01-01 00:00:00.{self.clock:06}+00"

    def put(self, row_id: str, values: dict[str, Any]) -> None:
        before = self.rows.get(row_id)
        row = dict.fromkeys(TABLES["turns"]) if before is None else dict(before)
        version = 1 + (self.gone.get(row_id, 0) if before is None else int(before["version"] or 0))
        row |= {**values, "id": row_id, "version": str(version), "updated_at": self._at()}
        self.rows[row_id] = row
        self.log.append(("insert" if before is None else "update", dict(row)))

    def drop(self, row_id: str) -> None:
        if row_id in self.rows:
            self.gone[row_id] = int(self.rows[row_id]["version"] or 0)
            self.log.append(("delete", self.rows.pop(row_id)))

    def write(self, operation: Operation) -> dict[str, Any]:
        answer = self.answers.get(operation.operation_id) or self._written(operation)
        if answer["status"] == "applied":
            self.answers[operation.operation_id] = answer
        return answer

    def _written(self, operation: Operation) -> dict[str, Any]:
        found = self.rows.get(operation.row_id)
        if any(str(text).startswith(REFUSED) for text in operation.values.values()):
            return {"status": "refused", "code": "not_taken", "reason": "this text is not taken"}
        if operation.kind == "insert" and found is None:
            self.put(operation.row_id, dict(operation.values))
        elif operation.kind == "delete" and found is None:
            return {"status": "applied", "row": None}
        elif found is None or operation.kind == "insert" or int(found["version"] or 0) != operation.base_version:
            return {"status": "conflict", "row": dict(found) if found else None}
        elif operation.kind == "delete":
            self.drop(operation.row_id)
        else:
            self.put(operation.row_id, dict(operation.values))
        self.done.append(operation.operation_id)
        row = self.rows.get(operation.row_id)
        return {"status": "applied", "row": dict(row) if row else None}


@dataclass
class Device:
    store: Store
    place: int = 0

    async def pull(self, server: Server) -> None:
        """Every page from the last place on."""
        async with self.store.transaction():
            for kind, row in server.log[self.place :]:
                if kind == "delete":
                    await self.store.take_gone("turns", row["id"] or "")
                else:
                    await self.store.take("turns", row, 1, whole=kind == "insert")
        self.place = len(server.log)

    async def push(self, server: Server, *, lost: bool = False) -> None:
        await queue.collect(self.store, 0)
        found = await queue.batch(self.store)
        if found is None:
            return
        for operation in found[1]:
            answer = server.write(operation)
            if not lost:
                await queue.answered(self.store, operation, answer)

    async def type_anew(self) -> None:
        """What a person does about a row that was refused."""
        for row in await self.store.fetch("select * from turns where _sync_error is not null and _deleted = 0"):
            texts = {name: "taken" for name in COLUMNS if (row[name] or "").startswith(REFUSED)}
            await self.store.update("turns", row["id"], texts or {COLUMNS[0]: "taken"})

    async def visible(self) -> dict[str, Row]:
        rows = await self.store.fetch("select * from turns where _deleted = 0")
        return {row["id"]: {name: row[name] for name in TABLES["turns"]} for row in rows}


async def play(steps: list[tuple[str, int, str, str]], strategy: Strategy) -> None:
    server = Server()
    with tempfile.TemporaryDirectory() as folder:
        devices = [Device(await Store.open(Path(folder) / f"{at}.db", strategy)) for at in range(3)]
        for device in devices:
            await device.store.fetch("pragma synchronous = off")
        try:
            for number, step in enumerate(steps):
                await take(step, server, devices, f"{number}")
            for _ in range(12):
                for device in devices:
                    await device.pull(server)
                    await device.type_anew()
                    await device.push(server)
            for device in devices:
                await device.pull(server)
                assert await device.visible() == server.rows
                assert await device.store.fetch("select id from turns where _synced = 0") == []
                assert await device.store.fetch("select * from _operations") == []
            assert len(server.done) == len(set(server.done))
        finally:
            for device in devices:
                await device.store.close()


async def take(step: tuple[str, int, str, str], server: Server, devices: list[Device], text: str) -> None:
    act, who, row_id, column = step
    device = devices[who]
    if act.startswith("edit"):
        await device.store.update("turns", row_id, {column: f"{REFUSED} {text}" if act.endswith("refused") else text})
    elif act == "insert" and await device.store.held("turns", row_id) is None:
        await device.store.insert("turns", {"id": row_id, column: text})
    elif act == "delete":
        await device.store.delete("turns", row_id)
    elif act.startswith("push"):
        await device.push(server, lost=act.endswith("lost"))
    elif act == "pull":
        await device.pull(server)
    elif act == "server edit":
        server.put(row_id, {column: f"s{text}"})
    elif act == "server delete":
        server.drop(row_id)


STRATEGIES: st.SearchStrategy[Strategy] = st.sampled_from(["local", "remote", "merge"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, STRATEGIES)
@example([("insert", 0, "a", "wo_number"), ("server edit", 0, "a", "wo_number")], "merge")  # found once
def test_devices_converge_whatever_happens(steps: list[tuple[str, int, str, str]], strategy: Strategy) -> None:
    asyncio.run(play(steps, strategy))
