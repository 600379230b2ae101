"""The Python client against the real server: offline writes, conflicts, deletes, filters, kills."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.people import logins, passwords
from tests.running import Database, until
from tests.serving import Site, running_site
from tests.workers.turns.estate import Estate
from workers.turns.client import Strategy, TurnsClient, log_in, open_client, queue
from workers.turns.client.pulling import Puller
from workers.turns.client.store import Store


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with running_site(database, domains=("workers.turns",), shape_poll_s=2.0) as running:
        yield running


@pytest.fixture
async def token(site: Site, estate: Estate) -> str:
    email = await estate.db.fetchval("select email from users where id = $1", estate.people["PROPERTY_MANAGER"])
    client = await site.client("operate", email=email, create_user=False)
    assert client.token is not None
    return client.token.secret


@asynccontextmanager
async def device(
    site: Site, token: str, path: Path, strategy: Strategy = "merge", *, online: bool = False
) -> AsyncIterator[TurnsClient]:
    """A device with the document's shapes, filled once."""
    async with open_client(path, site.served.url, token, strategy=strategy, quiet_s=0.05) as client:
        await client.initialize_user_shapes()
        await client.pull()
        if online:
            await client.go_online()
        yield client


async def synced(client: TurnsClient) -> None:
    """Sends, then reads to the end."""
    await client.go_online()
    await client.sync_pending_writes()
    await client.go_offline()
    await client.pull()


async def server_row(estate: Estate, turn: Any) -> dict[str, Any]:
    return await estate.row(turn)


async def test_offline_writes_are_seen_at_once_and_sent_later(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    """The document's own test (D1.17)."""
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db") as client:
        await client.update("turns", str(turn), wo_number="Updated")
        local = await client.get("turns", str(turn))
        assert local is not None
        assert (local["wo_number"], local["_synced"], local["_modified_columns"]) == ("Updated", 0, '["wo_number"]')
        with pytest.raises(ConnectionError):
            await client.sync_pending_writes()
        await client.go_online()
        await client.sync_pending_writes()
        held = await client.get("turns", str(turn))
        assert held is not None
        assert (held["_synced"], held["version"], held["_sent_to_server"]) == (1, "2", 1)
        assert (await server_row(estate, turn))["wo_number"] == "Updated"


async def test_inserts_updates_and_deletes_reach_the_other_device(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    async with (
        device(site, token, tmp_path / "a.db") as one,
        device(site, token, tmp_path / "b.db", online=True) as two,
    ):
        turn = await one.insert(
            "turns", turn_id="T-7", property_id=estate.property_id, stage_id=estate.stages["Moved out"]
        )
        await one.update("turns", turn, turn_amount=Decimal("7.5"))
        await synced(one)
        await until(lambda: shows(two, turn, "turn_amount", "7.50"), what="the new turn")
        await one.delete("turns", turn)
        assert await one.get("turns", turn) is None
        await synced(one)
        await until(lambda: absent(two, turn), what="the delete")
        assert await estate.db.fetchval("select count(*) from turns") == 0


async def shows(client: TurnsClient, row_id: str, column: str, value: str) -> bool:
    row = await client.get("turns", row_id)
    return row is not None and bool(row[column] == value)


async def absent(client: TurnsClient, row_id: str) -> bool:
    return await client.get("turns", row_id) is None


async def test_edits_of_a_row_in_a_short_time_are_one_operation(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db", online=True) as client:
        for text in ("W", "WO", "WO-", "WO-1"):
            await client.update("turns", str(turn), wo_number=text)

        async def arrived() -> bool:
            return bool((await server_row(estate, turn))["wo_number"] == "WO-1")

        await until(arrived, what="the last edit")
        assert await estate.db.fetchval("select count(*) from turn_operations") == 1


@pytest.mark.parametrize(
    ("strategy", "number", "amount"),
    [("local", "mine", "5.00"), ("remote", "theirs", "5.00"), ("merge", "mine", "5.00")],
)
async def test_a_clash_is_decided_by_the_strategy_and_other_columns_merge(
    site: Site, estate: Estate, token: str, tmp_path: Path, strategy: Strategy, number: str, amount: str
) -> None:
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db", strategy) as client:
        await estate.set(turn, wo_number="theirs", move_out_date=None)
        await asyncio.sleep(0.01)
        await client.update("turns", str(turn), wo_number="mine", turn_amount=5)
        await synced(client)
        await synced(client)
        row, held = await server_row(estate, turn), await client.get("turns", str(turn))
        assert held is not None
        assert (row["wo_number"], str(row["turn_amount"])) == (number, amount)
        assert (held["wo_number"], held["turn_amount"], held["_synced"]) == (number, amount, 1)


async def test_the_later_time_wins_a_merge(site: Site, estate: Estate, token: str, tmp_path: Path) -> None:
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db") as client:
        await client.update("turns", str(turn), wo_number="early")
        await asyncio.sleep(0.01)
        await estate.set(turn, wo_number="late")
        await synced(client)
        assert (await server_row(estate, turn))["wo_number"] == "late"
        held = await client.get("turns", str(turn))
        assert held is not None
        assert (held["wo_number"], held["_synced"], held["_conflict_resolution"]) == ("late", 1, "merged")


@pytest.mark.parametrize(("by", "expected"), [("local", "mine"), ("remote", "theirs"), ("user", "both")])
async def test_a_person_is_asked_and_decides(
    site: Site, estate: Estate, token: str, tmp_path: Path, by: Strategy, expected: str
) -> None:
    turn = await estate.turn(wo_number="base")
    async with device(site, token, tmp_path / "a.db", "user") as client:
        await client.update("turns", str(turn), wo_number="mine", turn_amount=3)
        await estate.set(turn, wo_number="theirs")
        await synced(client)
        [(table, row_id, clash)] = await client.conflicts()
        assert (table, row_id) == ("turns", str(turn))
        assert clash == {"wo_number": {"base": "base", "local": "mine", "remote": "theirs"}}
        await estate.set(turn, move_out_date=None, expected_completion_date=None)
        await synced(client)
        assert len(await client.conflicts()) == 1
        await client.resolve("turns", str(turn), by, **({"wo_number": "both"} if by == "user" else {}))
        await synced(client)
        row = await server_row(estate, turn)
        assert (row["wo_number"], str(row["turn_amount"])) == (expected, "3.00")
        assert await client.conflicts() == []


async def test_an_edit_of_a_clock_that_was_set_back_since_is_sent_too(tmp_path: Path) -> None:
    async with open_client(tmp_path / "a.db", "http://127.0.0.1:1", "x") as client:
        await client.insert("vendors", name="Brush & Co")
        assert await queue.collect(client.store, 3600) == 0
        await client.store.write("update vendors set _local_modified_at = '2999-01-01 00:00:00.000+00:00'")
        assert await queue.collect(client.store, 3600) == 1


async def test_a_row_that_a_pull_asks_about_while_operations_are_made_is_not_sent(
    site: Site, estate: Estate, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = await estate.turn(wo_number="base")
    make = queue._make
    async with device(site, token, tmp_path / "a.db", "user") as client:

        async def late(store: Store, table: str, row_id: str) -> None:
            await client.pull()
            await make(store, table, row_id)

        monkeypatch.setattr(queue, "_make", late)
        await client.update("turns", str(turn), wo_number="mine")
        await estate.set(turn, wo_number="theirs")
        assert await queue.collect(client.store, 0) == 0
        assert [row_id for _, row_id, _ in await client.conflicts()] == [str(turn)]


@pytest.mark.parametrize(("strategy", "is_there"), [("local", True), ("remote", False), ("merge", False)])
async def test_a_row_deleted_there_and_changed_here(
    site: Site, estate: Estate, token: str, tmp_path: Path, strategy: Strategy, is_there: bool
) -> None:
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db", strategy) as client:
        await client.update("turns", str(turn), wo_number="mine")
        await estate.db.execute("delete from turns")
        await synced(client)
        await synced(client)
        assert await estate.db.fetchval("select count(*) from turns") == int(is_there)
        assert (await client.get("turns", str(turn)) is not None) == is_there


@pytest.mark.parametrize(("strategy", "is_there"), [("local", False), ("remote", True), ("merge", True)])
async def test_a_row_changed_there_and_deleted_here(
    site: Site, estate: Estate, token: str, tmp_path: Path, strategy: Strategy, is_there: bool
) -> None:
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db", strategy) as client:
        await client.delete("turns", str(turn))
        await estate.set(turn, wo_number="theirs")
        await synced(client)
        await synced(client)
        assert await estate.db.fetchval("select count(*) from turns") == int(is_there)
        assert (await client.get("turns", str(turn)) is not None) == is_there


async def test_what_the_server_refuses_stays_with_its_reason_until_it_is_taken_back(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db") as client:
        await client.update("turns", str(turn), stage_id=estate.stages["Scoped"])
        await synced(client)
        held = await client.get("turns", str(turn))
        assert held is not None
        assert held["_sync_error"] == "amount_needed: the stage Scoped needs an amount; set turn_amount"
        await client.update("turns", str(turn), turn_amount=9)
        await synced(client)
        held = await client.get("turns", str(turn))
        assert held is not None
        assert (held["_synced"], held["_sync_error"], held["turn_amount"]) == (1, None, "9.00")
        await client.update("turns", str(turn), approval_status="HO_APPROVED")
        await synced(client)
        await client.discard("turns", str(turn))
        held = await client.get("turns", str(turn))
        assert held is not None
        assert (held["approval_status"], held["_synced"]) == ("PENDING", 1)


async def test_a_refused_row_that_is_deleted_is_deleted_on_the_server_too(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db") as client:
        await client.update("turns", str(turn), stage_id=estate.stages["Scoped"])
        await synced(client)
        await client.delete("turns", str(turn))
        await synced(client)
        assert await estate.db.fetchval("select count(*) from turns") == 0
        assert await client.pending() == 0


async def test_a_row_in_conflict_that_is_deleted_is_decided(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    turn = await estate.turn(wo_number="base")
    async with device(site, token, tmp_path / "a.db", "user") as client:
        await client.update("turns", str(turn), wo_number="mine")
        await estate.set(turn, wo_number="theirs")
        await client.pull()
        assert len(await client.conflicts()) == 1
        await client.delete("turns", str(turn))
        assert await client.conflicts() == []
        await synced(client)
        assert await estate.db.fetchval("select count(*) from turns") == 0
        assert await client.pending() == 0


async def test_a_refused_row_is_sent_again_when_a_conflict_of_it_is_decided(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    turn = await estate.turn(wo_number="base")
    async with device(site, token, tmp_path / "a.db", "user") as client:
        await client.update("turns", str(turn), stage_id=estate.stages["Scoped"], wo_number="mine")
        await synced(client)
        await estate.set(turn, wo_number="theirs", turn_amount=Decimal(9))
        await client.pull()
        await client.resolve("turns", str(turn), "local")
        await synced(client)
        row = await server_row(estate, turn)
        assert (row["wo_number"], row["stage_id"]) == ("mine", estate.stages["Scoped"])
        assert await client.pending() == 0


async def test_what_is_deleted_goes_behind_the_rows_that_named_it(site: Site, estate: Estate, tmp_path: Path) -> None:
    await estate.person("ADMIN")
    admin = await site.client("operate", email="admin@example.org", create_user=False)
    assert admin.token is not None
    turn, stage = await estate.turn(), str(estate.stages["Moved out"])
    new = await estate.insert("turn_stages", name="Empty", display_order=9)
    async with device(site, admin.token.secret, tmp_path / "a.db") as client:
        await client.update("turns", str(turn), stage_id=new)
        await client.delete("turn_stages", stage)
        await client.go_online()
        await client.sync_pending_writes()
        assert await client.pending() == 0
        assert (await server_row(estate, turn))["stage_id"] == new
        assert await estate.db.fetchval("select count(*) from turn_stages where id = $1", UUID(stage)) == 0


async def test_a_refused_row_has_what_the_shape_told_while_the_answer_was_under_way(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db") as client:
        posted = client._pusher._posted

        async def late(*given: Any) -> Any:
            answers = await posted(*given)
            await estate.set(turn, wo_number="theirs")
            await client.pull()
            return answers

        client._pusher._posted = late  # type: ignore[assignment, method-assign]
        await client.update("turns", str(turn), stage_id=estate.stages["Scoped"])
        await synced(client)
        held = await client.get("turns", str(turn))
        assert held is not None
        assert (held["wo_number"], held["version"]) == ("theirs", "2")
        assert held["stage_id"] == str(estate.stages["Scoped"])
        assert held["_sync_error"].startswith("amount_needed: ")


async def test_an_answer_that_never_came_is_asked_for_again_and_done_once(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    """Killed between sending and the answer: the operation is on disk, with its id."""
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db") as client:
        await client.update("turns", str(turn), wo_number="once")
        pusher = client._pusher
        posted = pusher._posted

        async def lost(*given: Any) -> Any:
            await posted(*given)
            raise ConnectionResetError

        pusher._posted = lost  # type: ignore[assignment, method-assign]
        await client.go_online()
        with pytest.raises(ConnectionResetError):
            await client.sync_pending_writes()
    async with device(site, token, tmp_path / "a.db") as client:
        await client.update("turns", str(turn), turn_amount=4)
        async with asyncio.timeout(20):  # else another operation's answer is waited for, for ever
            await synced(client)
        row = await server_row(estate, turn)
        assert (row["wo_number"], str(row["turn_amount"]), row["version"]) == ("once", "4.00", 3)
        (held,) = await client.store.fetch("select _synced, _sync_retries from turns")
        assert held["_synced"] == 1


async def test_another_filter_shows_other_rows_and_keeps_what_is_not_sent(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    one, two = await estate.turn(wo_number="A"), await estate.turn(wo_number="B")
    async with device(site, token, tmp_path / "a.db") as client:
        new = await client.insert(
            "turns", turn_id="T-9", property_id=estate.property_id, stage_id=estate.stages["Moved out"], wo_number="C"
        )
        await client.update_shape_filter("turns", "wo_number = $1", {1: "B"})
        await client.pull()
        assert {row["id"] for row in await client.rows("turns")} == {str(two), new}
        await client.update_shape_filter("turns", None)
        await client.pull()
        assert {row["id"] for row in await client.rows("turns")} == {str(one), str(two), new}


async def test_an_unsent_edit_outlives_a_filter_that_leaves_its_row_out(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    one, two = await estate.turn(wo_number="A"), await estate.turn(wo_number="B")
    async with device(site, token, tmp_path / "a.db") as client:
        await client.update("turns", str(one), turn_amount=5)
        await client.update_shape_filter("turns", "wo_number = $1", {1: "B"})
        await client.pull()
        held = await client.get("turns", str(one))
        assert held is not None
        assert (held["turn_amount"], held["_synced"]) == ("5", 0)
        await synced(client)
        assert str((await server_row(estate, one))["turn_amount"]) == "5.00"
        assert [row["id"] for row in await client.rows("turns")] == [str(two)]


async def test_an_old_delete_that_is_read_again_takes_no_unsent_edit_along(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    """The server's shape begins before the row went and came back."""
    turn = await estate.turn(turn_id="T-1")
    async with device(site, token, tmp_path / "a.db") as client:
        await client.update_shape_filter("turns", "is_active = true")
        await client.pull()
        await estate.db.execute("delete from turns")
        await estate.turn(id=turn, turn_id="T-1")
        await client.update_shape_filter("turns", None)
        await client.pull()
        await client.update("turns", str(turn), wo_number="mine")
        await client.update_shape_filter("turns", "is_active = true")
        await client.pull()
        assert await client.pending() == 1
        await synced(client)
        assert (await server_row(estate, turn))["wo_number"] == "mine"


async def test_a_page_that_was_rolled_back_is_read_again(
    site: Site, estate: Estate, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = await estate.turn()
    keep = Puller._keep

    async def cut_off(*given: Any) -> None:
        monkeypatch.setattr(Puller, "_keep", keep)
        await keep(*given)
        raise asyncio.CancelledError

    async with device(site, token, tmp_path / "a.db") as client:
        await estate.set(turn, wo_number="theirs")
        monkeypatch.setattr(Puller, "_keep", cut_off)
        with pytest.raises(asyncio.CancelledError):
            await client._shapes["turns"][1].step(client._shapes["turns"][0], live=False)
        await client.pull()
        assert await shows(client, str(turn), "wo_number", "theirs")


async def test_plain_sql_on_the_local_file_is_tracked_too(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db") as client:
        await client.store.write("update turns set wo_number = 'by hand', move_out_date = '2026-01-02'")
        held = await client.get("turns", str(turn))
        assert held is not None
        assert held["_modified_columns"] == '["move_out_date","wo_number"]'
        await synced(client)
        assert (await server_row(estate, turn))["wo_number"] == "by hand"


async def test_the_metrics_of_the_document(site: Site, estate: Estate, token: str, tmp_path: Path) -> None:
    await estate.turn()
    async with device(site, token, tmp_path / "a.db") as client:
        found = {each.shape_name: each for each in await client.metrics()}
        assert (found["turns"].record_count, found["turn_stages"].record_count) == (1, 5)
        assert all(each.sync_duration > 0 and each.error_count == 0 for each in found.values())


async def test_a_transaction_cut_off_at_any_moment_leaves_the_file_usable(tmp_path: Path) -> None:
    async with open_client(tmp_path / "a.db", "http://127.0.0.1:1", "x") as client:
        for steps in range(60):
            writing = asyncio.create_task(client.insert("vendors", name=f"v{steps}"))
            for _ in range(steps % 12):
                await asyncio.sleep(0)
            await asyncio.sleep(steps / 20_000)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        await client.insert("vendors", name="last")
        names = [row["name"] for row in await client.rows("vendors")]
        assert "last" in names
        assert len(names) == len(set(names))


async def test_a_login_that_ends_is_told_and_nothing_is_lost(site: Site, estate: Estate, tmp_path: Path) -> None:
    """The device goes on when its person has logged in again."""
    manager, turn = estate.people["PROPERTY_MANAGER"], str(await estate.turn())
    email = await estate.db.fetchval("select email from users where id = $1", manager)
    await estate.db.execute(
        "insert into workspace_members select id, $1 from workspaces on conflict do nothing", manager
    )
    await logins.set_hash(estate.db, manager, passwords.hashed("correct horse battery"), by=None)
    with pytest.raises(PermissionError, match="wrong"):
        await log_in(site.served.url, email, "a wrong password")
    session = await log_in(site.served.url, email, "correct horse battery")
    async with device(site, session, tmp_path / "a.db", online=True) as client:
        await client.wait_caught_up()
        await estate.db.execute("delete from sessions")
        await client.update("turns", turn, wo_number="kept")

        async def told() -> bool:
            return bool(client.trouble and "401" in client.trouble)

        await until(told)
        assert (await client.pending(), client.online) == (1, True)
        await client.use_token(await log_in(site.served.url, email, "correct horse battery"))

        async def arrived() -> bool:
            return bool((await server_row(estate, turn))["wo_number"] == "kept")

        await until(arrived)
        await client.wait_caught_up()
        assert client.trouble is None


async def test_an_answer_that_is_not_the_servers_is_told_and_what_waits_is_sent_later(
    site: Site, estate: Estate, token: str, tmp_path: Path
) -> None:
    """A hotel's login page, for example."""
    turn = await estate.turn()
    async with device(site, token, tmp_path / "a.db", online=True) as client:
        posted = client._pusher._posted

        async def strange(*_: Any) -> Any:
            raise json.JSONDecodeError("Expecting value", "<html>", 0)

        async def told() -> bool:
            return "login page" in (client.trouble or "")

        async def arrived() -> bool:
            return bool((await server_row(estate, turn))["wo_number"] == "mine" and client.trouble is None)

        client._pusher._posted = strange  # type: ignore[assignment, method-assign]
        await client.update("turns", str(turn), wo_number="mine")
        await until(told)
        client._pusher._posted = posted  # type: ignore[method-assign]
        await until(arrived)


async def test_a_file_that_cannot_be_written_is_told_and_followed_again_later(
    site: Site, estate: Estate, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = str(await estate.turn())
    async with device(site, token, tmp_path / "a.db", online=True) as client:
        await client.wait_caught_up()

        async def locked(*_: Any) -> None:
            raise sqlite3.OperationalError("database is locked")

        async def told() -> bool:
            return "database is locked" in (client.trouble or "")

        with monkeypatch.context() as patched:
            patched.setattr(Puller, "_take", locked)
            await estate.set(UUID(turn), wo_number="theirs")
            await until(told)
        await until(lambda: shows(client, turn, "wo_number", "theirs"))
