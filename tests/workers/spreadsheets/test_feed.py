"""The live feed: every committed change once, whatever commits late, however often a client comes back."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from core.db import catalogs
from core.db.connect import Connection
from tests.running import Database, Workers, until
from tests.workers.spreadsheets.serving import Api, Client, Feed, serving
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet, make_sheet
from workers.spreadsheets.http.feed import rights, socket
from workers.spreadsheets.http.feed.changes import Page, read_on
from workers.spreadsheets.http.feed.place import Place, TokenVoid, place_of, require_valid
from workers.spreadsheets.http.shown import Row

STATEMENTS = catalogs.of_package("workers.spreadsheets")


async def read(db: Connection, place: Place, most: int = 1000) -> Page:
    async def ask(statement: str, /, **values: Any) -> Sequence[Row]:
        return await STATEMENTS[statement].fetch(db, **values)

    (page,) = await read_on(ask, [place], most)
    return page


async def here(db: Connection, sheet: UUID) -> Place:
    (row,) = await STATEMENTS["feed_start"].fetch(db)
    return Place(sheet, row["epoch"], row["snapshot"], at=row["now"])


async def audited(db: Connection, sheet: UUID) -> Counter[str]:
    rows = await db.fetch("select id from cell_edit_events where spreadsheet_id = $1", sheet)
    return Counter(str(row["id"]) for row in rows)


def given(page: Page) -> list[str]:
    return [str(change.get("new")) for change in page.changes]


# --- places ----------------------------------------------------------------------------------------------------------


async def test_a_change_that_commits_behind_a_later_one_is_not_missed(sheet: Sheet, database: Database) -> None:
    """A cursor by id or time has gone past the first one by then."""
    late, db = await database.connect(), sheet.db
    place = await here(db, sheet.id)
    transaction = late.transaction()
    await transaction.start()
    await sheet.write("A", 1, "first", late)
    await sheet.write("A", 2, "second")
    page = await read(db, place)
    assert given(page) == ["second"]
    await transaction.commit()
    await sheet.write("A", 3, "third")
    after = await read(db, page.after)
    assert given(after) == ["first", "third"]
    assert given(await read(db, after.after)) == []


async def test_history_that_came_with_a_restore_is_never_news(sheet: Sheet) -> None:
    """A dump brings the transaction numbers of another server: once this one has counted up to them, they look new."""
    db = sheet.db
    await db.execute(
        """insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, sql_user, new_content, xact_id,
                                         created_at)
           select gen_random_uuid(), $1, $2, 1, 'x', 'restored', ((pg_current_xact_id()::text)::bigint + n)::text::xid8,
                  now() - interval '1 hour'
           from generate_series(2, 4) n""",
        sheet.id,
        sheet.columns["A"],
    )
    await db.execute("insert into rowmill.recoveries (recovery_no, queue_oid) values (1, 0)")
    place = await here(db, sheet.id)
    for _ in range(6):
        await db.fetchval("select pg_current_xact_id()")
    await sheet.write("A", 2, "written here")
    assert given(await read(db, place)) == ["written here"]


async def test_what_is_rolled_back_is_never_told(sheet: Sheet, database: Database) -> None:
    other = await database.connect()
    place = await here(sheet.db, sheet.id)
    transaction = other.transaction()
    await transaction.start()
    await sheet.write("A", 1, "never", other)
    place = (await read(sheet.db, place)).after
    await transaction.rollback()
    assert given(await read(sheet.db, place)) == []


async def test_a_backlog_comes_in_pages_each_of_which_can_be_gone_on_from(sheet: Sheet) -> None:
    """Also where what lies behind a place is one transaction, and while more is committed."""
    place = await here(sheet.db, sheet.id)
    async with sheet.db.transaction():
        for row in range(1, 8):
            await sheet.write("A", row, f"a{row}")
    await sheet.write("B", 1, "b1")
    seen: list[str] = []
    for turn in range(20):
        page = await read(sheet.db, place, most=3)
        seen += given(page)
        place = place_of(page.after.token, sheet.id)
        if turn == 1:
            await sheet.write("B", 2, "b2")
    assert Counter(seen) == Counter([*(f"a{row}" for row in range(1, 8)), "b1", "b2"])


async def test_large_contents_make_small_pages(sheet: Sheet) -> None:
    place = await here(sheet.db, sheet.id)
    for row in range(1, 4):
        await sheet.write("A", row, str(row) * 400_000)
    sizes, more = [], True
    while more:
        page = await read(sheet.db, place)
        place, more = page.after, page.more
        sizes.append(len(page.changes))
    assert sizes == [2, 1]


async def test_a_transaction_open_for_long_does_not_make_reading_dear(sheet: Sheet, database: Database) -> None:
    """`xact_id >= xmin` would visit everything since it began."""
    holder = await database.connect()
    async with holder.transaction():
        await holder.fetchval("select pg_current_xact_id()")
        await sheet.db.execute(
            "insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, sql_user, new_content) "
            "select gen_random_uuid(), $1, $2, n, 'x', 'y' from generate_series(1, 50000) n",
            sheet.id,
            sheet.columns["A"],
        )
        place = await here(sheet.db, sheet.id)
        await sheet.write("A", 1, "one")
        statement = STATEMENTS["feed_changes"]
        values = {
            "spreadsheet_id": [sheet.id],
            "since": [place.since],
            "upto": [None],
            "after_xact": ["0"],
            "after_id": [UUID(int=0)],
            "most": 1000,
            "most_bytes": 500_000,
        }
        assert given(await read(sheet.db, place)) == ["one"]
        plan = await sheet.db.fetchval(
            f"explain (analyze, buffers, format json) {statement.sql}", *statement.bind(values)
        )
    top = json.loads(plan)[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 100


async def test_a_change_of_the_structure_is_told_whoever_makes_it(sheet: Sheet, client: Client) -> None:
    place = await here(sheet.db, sheet.id)
    await sheet.add("D")
    await sheet.derive("Up", ["A"])
    await client.post(f"/api/spreadsheets/{sheet.id}/columns", {"title": "E"})
    await sheet.db.execute("update sheet_columns set title = 'Z' where id = $1", sheet.columns["D"])
    page = await read(sheet.db, place)
    told = [(each["action"], "user" in each["by"]) for each in page.changes if each["kind"] == "sheet"]
    assert told[0] == ("column_added", False)
    assert told[-2:] == [("column_added", True), ("column_changed", False)]
    assert page.changes[-1]["details"]["title"] == "Z"


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    ["", "x", "0" * 12, "aaaaaaaaaaaa.1.5:3:", "aaaaaaaaaaaa.1.3:9:9", "aaaaaaaaaaaa.1.3:9:5,4", "aaaaaaaaaaaa.1.0:9:",
     "aaaaaaaaaaaa.1.3:9:3,,4", "aaaaaaaaaaaa.1.3:99999999999999999999:", "aaaaaaaaaaaa.1.3:9:.3:9:.1", "é" * 7000],
)  # fmt: skip
def test_what_is_no_token_is_void(token: str) -> None:
    with pytest.raises(TokenVoid):
        place_of(token, UUID(int=1))


def test_a_token_of_another_history_from_the_future_or_too_old_is_void() -> None:
    place = place_of("aaaaaaaaaaaa.1000.3:9:4,5", UUID(int=1))
    assert place.token == "aaaaaaaaaaaa.1000.3:9:4,5"
    require_valid(place, "aaaaaaaaaaaa", "9", 1000)
    for epoch, xmax, now in (("bbbbbbbbbbbb", "9", 1000), ("aaaaaaaaaaaa", "8", 1000), ("aaaaaaaaaaaa", "9", 90_000)):
        with pytest.raises(TokenVoid, match="read the sheet anew"):
            require_valid(place, epoch, xmax, now)


async def test_two_databases_have_two_histories(db: Connection, bare_database: Database) -> None:
    other = await bare_database.connect()
    definition = await db.fetchval("select pg_get_functiondef('spreadsheets_feed_epoch'::regproc)")
    await other.execute(definition)
    ask = "select spreadsheets_feed_epoch()"
    assert await db.fetchval(ask) == await db.fetchval(ask)
    assert await db.fetchval(ask) != await other.fetchval(ask)


# --- the socket ------------------------------------------------------------------------------------------------------


async def test_a_feed_begins_with_a_window_and_goes_on_with_each_change(
    client: Client, sheet: Sheet, workers: Workers
) -> None:
    await sheet.derive("Up", ["A"])
    await workers.start(TRANSFORM)
    async with client.feed(sheet.id) as feed:
        first = await feed.message()
        assert (first["type"], first["cells"]) == ("window", [])
        column = sheet.columns["A"]
        await client.edit(sheet.id, {"row": 1, "column_id": column, "content": "one", "version": 0})
        changes = await feed.until(2)
        assert [(each["new"], each["edit"], each["cell"]["content"]) for each in changes] == [
            ("one", "manual", "one"),
            ("ONE", "robot", "ONE"),
        ]
        assert (changes[0]["by"], changes[1]["by"]["run"]) == ({"user": str(sheet.owner_id)}, 1)
        await sheet.edit("A", 1, "two")
        assert [each["edit"] for each in (await feed.until(4))[2:]] == ["sql", "robot"]


async def test_a_window_and_a_feed_from_its_token_join_without_a_gap(client: Client, sheet: Sheet) -> None:
    await sheet.write("A", 1, "in the window")
    window = (await client.get(f"/api/spreadsheets/{sheet.id}/cells")).body
    await sheet.write("A", 2, "between")
    async with client.feed(sheet.id, window["token"]) as feed:
        assert (await feed.message())["type"] == "resumed"
        assert [each["new"] for each in await feed.until(1)] == ["between"]


async def test_writers_with_open_transactions_and_a_client_that_comes_and_goes(
    client: Client, sheet: Sheet, database: Database
) -> None:
    """What was received in all is what was audited, each change once."""
    start = (await client.get(f"/api/spreadsheets/{sheet.id}/cells")).body["token"]
    writers = asyncio.gather(*(write_a_lot(sheet, database, at) for at in range(8)))
    received: Counter[str] = Counter()
    token, chance = start, random.Random(7)
    while True:
        done = writers.done()
        async with client.feed(sheet.id, token) as feed:
            await feed.message()
            try:
                async with asyncio.timeout(0.4 if done else chance.uniform(0.0, 0.15)):
                    await feed.until(10**9)
            except TimeoutError:
                pass
            received.update(each["id"] for each in feed.changes if each["kind"] == "cell")
            token = feed.token
        if done and not feed.changes:
            break
    await writers
    expected = await audited(sheet.db, sheet.id)
    assert sum(expected.values()) > 500
    assert received == expected


async def write_a_lot(sheet: Sheet, database: Database, at: int) -> None:
    """Transactions of different lengths, some of them rolled back, which commit in another order than they write."""
    db, chance = await database.connect(), random.Random(at)
    for turn in range(25):
        transaction = db.transaction()
        await transaction.start()
        for step in range(chance.randint(1, 6)):
            await sheet.write("A", 1 + at * 1000 + turn * 10 + step, f"{at}.{turn}.{step}", db)
            await asyncio.sleep(chance.uniform(0, 0.02))
        await (transaction.rollback() if chance.random() < 0.15 else transaction.commit())


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_backlog_of_50000_changes_arrives_whole(client: Client, sheet: Sheet, at_once: bool) -> None:
    token = (await client.get(f"/api/spreadsheets/{sheet.id}/cells")).body["token"]
    transactions, rows = (1, 50_000) if at_once else (50, 1000)
    for turn in range(transactions):
        await sheet.db.execute(
            "insert into cells (spreadsheet_id, column_id, row_number, content) "
            "select $1, $2, n, n::text from generate_series($3::int + 1, $3::int + $4::int) n",
            sheet.id,
            sheet.columns["A"],
            turn * rows,
            rows,
        )
    async with client.feed(sheet.id, token) as feed:
        changes = await feed.until(50_000)
        assert Counter(each["id"] for each in changes) == await audited(sheet.db, sheet.id)


async def test_a_slow_client_is_cut_off_with_a_reason_and_the_others_go_on(
    client: Client, sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "STALL_S", 0.5)
    async with client.feed(sheet.id) as slow, client.feed(sheet.id) as quick:
        await slow.message()
        await quick.message()
        stop_reading(slow)
        for row in range(1, 60):
            await sheet.write("A", row, "x" * 400_000)
            await quick.until(row)
            quick.changes = [{} for _ in quick.changes]
        resume_reading(slow)
        while (last := await slow.message())["type"] != "closed":
            pass
        assert (last["code"], last["reason"]) in {
            (4008, "this client is too slow; connect again with the last token"),
            (1006, None),
        }
    assert len(slow.changes) < 59
    async with client.feed(sheet.id, slow.token) as again:
        await again.message()
        assert len(await again.until(59 - len(slow.changes))) == 59 - len(slow.changes)


def stop_reading(feed: Feed) -> None:
    transport_of(feed).pause_reading()


def resume_reading(feed: Feed) -> None:
    transport_of(feed).resume_reading()


def transport_of(feed: Feed) -> Any:
    connection = feed.socket._response.connection
    assert connection is not None
    return connection.transport


async def test_a_client_of_a_deleted_sheet_is_told_and_let_go(client: Client, sheet: Sheet) -> None:
    async with client.feed(sheet.id) as feed:
        await feed.message()
        assert (await client.post(f"/api/spreadsheets/{sheet.id}/delete")).status == 200
        await feed.until(1)
        assert (await feed.message())["type"] == "ended"
        assert (await feed.message())["code"] == 4004
    async with client.feed(sheet.id) as feed:
        assert (await feed.message())["type"] == "refused"
        assert (await feed.message())["code"] == 4004


async def test_a_stranger_sees_no_feed(api: Api, sheet: Sheet) -> None:
    stranger = await api.client(sheet.db, "stranger@rowmill.invalid")
    async with stranger.feed(sheet.id) as feed:
        assert (await feed.message())["type"] == "refused"
        assert (await feed.message())["code"] == 4004


async def test_a_sheet_that_is_not_public_any_more_tells_strangers_nothing(
    api: Api, client: Client, sheet: Sheet
) -> None:
    stranger = await api.client(sheet.db, "stranger@rowmill.invalid")
    await client.post(f"/api/spreadsheets/{sheet.id}/share", {"is_public": True})
    async with client.feed(sheet.id) as owner, stranger.feed(sheet.id) as feed:
        assert [(await each.message())["type"] for each in (owner, feed)] == ["window", "window"]
        await client.post(f"/api/spreadsheets/{sheet.id}/share", {"is_public": False})
        await sheet.write("A", 1, "secret")
        assert [(await feed.message())["type"], (await feed.message())["code"]] == ["ended", 4004]
        assert feed.changes == []
        assert [each.get("new") for each in await owner.until(2)] == [None, "secret"]


async def test_a_sheet_closed_by_sql_tells_strangers_nothing(api: Api, sheet: Sheet) -> None:
    stranger = await api.client(sheet.db, "stranger@rowmill.invalid")
    await sheet.db.execute("update spreadsheets set is_public = true where id = $1", sheet.id)
    async with stranger.feed(sheet.id) as feed:
        await feed.message()
        await sheet.db.execute("update spreadsheets set is_public = false where id = $1", sheet.id)
        assert [(await feed.message())["type"], (await feed.message())["code"]] == ["ended", 4004]
        assert feed.changes == []


@pytest.mark.parametrize("lost", ["update api_tokens set revoked_at = now()", "update users set is_active = false"])
async def test_a_feed_ends_with_the_token_it_was_opened_with(
    client: Client, sheet: Sheet, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    monkeypatch.setattr(rights, "RIGHTS_S", 0.0)
    async with client.feed(sheet.id) as feed:
        await feed.message()
        await sheet.write("A", 1, "seen")
        await feed.until(1)
        await sheet.db.execute(lost)
        await sheet.write("A", 2, "secret")
        assert [(await feed.message())["type"], (await feed.message())["code"]] == ["ended", 4004]
        assert [each["new"] for each in feed.changes] == ["seen"]


async def test_a_token_of_another_database_is_answered_with_reload(client: Client, sheet: Sheet) -> None:
    token = (await client.get(f"/api/spreadsheets/{sheet.id}/cells")).body["token"]
    async with client.feed(sheet.id, f"{'0' * 12}{token[12:]}") as feed:
        assert (await feed.message())["type"] == "reload"
        assert (await feed.message())["code"] == 4010


async def test_a_client_that_talks_is_let_go(client: Client, sheet: Sheet) -> None:
    async with client.feed(sheet.id) as feed:
        await feed.message()
        await feed.socket.send_str("{}")
        assert (await feed.message())["type"] == "ended"
        assert (await feed.message())["code"] == 4003


async def test_nobody_watching_asks_the_database_nothing(api: Api, client: Client, sheet: Sheet) -> None:
    async with client.feed(sheet.id) as feed:
        await feed.message()
        await sheet.write("A", 1, "one")
        await feed.until(1)
    reader = next(iter(api.shell.services.values()))
    await until(lambda: asyncio.sleep(0, reader.watchers == 0), what="the last watcher to leave")
    turn = reader._turn
    await asyncio.sleep(0.3)
    assert reader._turn <= turn + 1


async def test_a_feed_outlives_lost_connections_to_the_database(client: Client, sheet: Sheet) -> None:
    async with client.feed(sheet.id) as feed:
        await feed.message()
        await sheet.db.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and application_name like 'rowmill web%'"
        )
        await sheet.write("A", 1, "one")
        while not feed.changes:
            assert (await feed.message())["type"] in {"waiting", "changes"}
        assert [each["new"] for each in feed.changes] == ["one"]


async def test_a_server_that_stops_says_so_and_the_next_one_goes_on(database: Database, sheet: Sheet) -> None:
    email = await sheet.db.fetchval("select email from users where id = $1", sheet.owner_id)
    async with serving(database) as one:
        before = await one.client(sheet.db, email)
        async with before.feed(sheet.id) as feed:
            await feed.message()
            token = feed.token
    await sheet.write("A", 1, "between")
    async with serving(database) as two:
        after = Client(two.url, before.token, two.session)
        async with after.feed(sheet.id, token) as feed:
            await feed.message()
            assert [each["new"] for each in await feed.until(1)] == ["between"]


async def test_many_sheets_are_read_by_one_statement(client: Client, api: Api, db: Connection) -> None:
    admin = Client(api.url, api.admin, api.session)
    sheets = [await make_sheet(db, "A") for _ in range(5)]
    async with several(admin, [each.id for each in sheets]) as feeds:
        for feed, sheet in zip(feeds, sheets, strict=True):
            await sheet.write("A", 1, str(sheet.id))
            assert [each["new"] for each in await feed.until(1)] == [str(sheet.id)]


@asynccontextmanager
async def several(client: Client, sheets: Sequence[UUID]) -> AsyncIterator[list[Feed]]:
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:
        feeds = [await stack.enter_async_context(client.feed(each)) for each in sheets]
        for feed in feeds:
            await feed.message()
        yield feeds
