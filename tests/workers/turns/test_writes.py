"""What devices write: once, on the version they saw, by whoever may, with an answer for each operation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.db.workspace import DEFAULT_WORKSPACE
from tests.running import Database
from tests.serving import Client, Reply, Site, running_site
from tests.workers.turns.estate import Estate


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with running_site(database, domains=("workers.turns",), shape_poll_s=2.0) as running:
        yield running


async def as_role(site: Site, estate: Estate, role: str) -> Client:
    await estate.person(role)
    email = await estate.db.fetchval("select email from users where id = $1", estate.people[role])
    return await site.client("operate", email=email, create_user=False)


def op(
    kind: str, row: UUID, base: int | None = None, operation_id: UUID | None = None, **values: Any
) -> dict[str, Any]:
    made = {"operation_id": str(operation_id or uuid4()), "operation": kind, "id": str(row), "values": values}
    return {**made, "base_version": base} if base is not None else made


async def write(client: Client, table: str, body: Any) -> Reply:
    return await client.post(f"/api/write/{table}", body)


async def test_an_update_on_the_newest_version_is_applied_and_named_in_the_log(site: Site, estate: Estate) -> None:
    manager, turn = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn()
    reply = await write(manager, "turns", op("update", turn, 1, wo_number="WO-1", turn_amount="12.5"))
    answer = reply.ok()
    assert (answer["status"], answer["version"], answer["row"]["turn_amount"]) == ("applied", 2, "12.50")
    xid = await estate.db.fetchval(
        "select xact_id::text::bigint % 4294967296 from sync_feed where new_row ->> 'wo_number' = 'WO-1' and op = 'U'"
    )
    assert answer["txid"] == xid
    row = await estate.db.fetchrow("select * from audit_logs where row_id = $1 and action = 'update'", turn)
    assert row is not None
    assert (row["user_id"], str(row["command_id"])) == (estate.people["PROPERTY_MANAGER"], answer["operation_id"])


async def test_of_two_writers_on_one_version_the_second_hears_what_there_is(site: Site, estate: Estate) -> None:
    manager, turn = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn()
    replies = await asyncio.gather(
        *(write(manager, "turns", op("update", turn, 1, wo_number=name)) for name in ("a", "b"))
    )
    assert sorted(reply.status for reply in replies) == [200, 409]
    lost = next(reply.json for reply in replies if reply.status == 409)
    assert (lost["status"], lost["version"]) == ("conflict", 2)
    assert lost["row"]["wo_number"] == (await estate.row(turn))["wo_number"]


async def test_a_repeated_operation_hears_the_same_and_is_not_done_again(site: Site, estate: Estate) -> None:
    manager, turn = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn()
    asked = op("update", turn, 1, wo_number="once")
    first, second = await write(manager, "turns", asked), await write(manager, "turns", asked)
    assert {**second.ok(), "repeated": None} == {**first.ok(), "repeated": None}
    assert (await estate.row(turn))["version"] == 2
    other = await write(manager, "turns", {**asked, "values": {"wo_number": "other"}})
    assert (other.status, other.json["code"]) == (422, "reused")


async def test_one_operation_sent_twice_at_once_is_done_once(site: Site, estate: Estate) -> None:
    manager, turn = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn()
    asked = op("update", turn, 1, wo_number="once")
    replies = await asyncio.gather(*(write(manager, "turns", [asked]) for _ in range(6)))
    assert {reply.ok()[0]["status"] for reply in replies} == {"applied"}
    assert (await estate.row(turn))["version"] == 2


async def test_a_batch_has_an_answer_for_each_operation(site: Site, estate: Estate) -> None:
    manager, turn, new = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn(), uuid4()
    gone, stage = uuid4(), str(estate.stages["Moved out"])
    batch = [
        op("insert", new, turn_id="T-9", property_id=str(estate.property_id), stage_id=stage),
        op("update", new, 1, wo_number="WO-9"),
        op("update", turn, 7, wo_number="stale"),
        op("update", turn, 1, stage_id=str(estate.stages["Scoped"])),
        op("update", turn, 1, turn_amount="many"),
        op("update", turn, 1, password="x"),
        op("update", gone, 1, wo_number="x"),
        op("delete", gone, 1),
        op("delete", turn, 1),
    ]
    answers = (await write(manager, "turns", batch)).ok()
    told = [(each["status"], each.get("code")) for each in answers]
    assert told == [
        ("applied", None),
        ("applied", None),
        ("conflict", None),
        ("refused", "amount_needed"),
        ("refused", "invalid"),
        ("refused", "unknown_column"),
        ("conflict", None),
        ("applied", None),
        ("applied", None),
    ]
    assert (await estate.row(new))["wo_number"] == "WO-9"
    assert await estate.db.fetchval("select count(*) from turns") == 1


async def test_a_row_that_is_gone_is_a_conflict_without_a_row(site: Site, estate: Estate) -> None:
    admin, gone = await as_role(site, estate, "ADMIN"), uuid4()
    reply = await write(admin, "turns", op("update", gone, 1, wo_number="x"))
    assert (reply.status, reply.json["status"], reply.json["row"]) == (404, "conflict", None)
    assert (await write(admin, "turns", op("delete", gone, 1))).ok()["status"] == "applied"


@pytest.mark.parametrize(
    ("role", "kind", "values", "status"),
    [
        ("PROPERTY_MANAGER", "update", {"wo_number": "x"}, 200),
        ("SR_PROPERTY_MANAGER", "update", {"wo_number": "x"}, 403),
        ("ADMIN", "delete", {}, 200),
        ("INSPECTOR", "update", {"turn_completion_date": "2026-03-01"}, 200),
        ("INSPECTOR", "update", {"turn_amount": "5"}, 403),
        ("DFO_APPROVER", "update", {"wo_number": "x"}, 403),
        ("VENDOR", "update", {"turn_completion_date": "2026-03-01"}, 403),
        ("USER", "update", {"wo_number": "x"}, 403),
        ("USER", "delete", {}, 403),
    ],
)
async def test_who_may_change_a_turn(
    site: Site, estate: Estate, role: str, kind: str, values: dict[str, Any], status: int
) -> None:
    client, turn = await as_role(site, estate, role), await estate.turn()
    assert (await write(client, "turns", op(kind, turn, 1, **values))).status == status


async def test_a_vendor_dates_the_own_turn(site: Site, estate: Estate) -> None:
    await estate.db.execute("update vendors set email = 'VENDOR@example.org'")
    vendor, turn = await as_role(site, estate, "VENDOR"), await estate.turn(vendor_id=estate.vendor_id)
    assert (await write(vendor, "turns", op("update", turn, 1, turn_completion_date="2026-03-01"))).status == 200


async def test_an_approver_approves_and_nobody_else(site: Site, estate: Estate) -> None:
    manager, approver = await as_role(site, estate, "PROPERTY_MANAGER"), await as_role(site, estate, "DFO_APPROVER")
    turn = await estate.turn(turn_amount=100, stage_id=estate.stages["Approval"])
    refused = await write(manager, "turns", op("update", turn, 1, approval_status="DFO_APPROVED"))
    assert (refused.status, refused.json["code"]) == (403, "role")
    approved = (await write(approver, "turns", op("update", turn, 1, approval_status="DFO_APPROVED"))).ok()
    assert approved["row"]["approved_turn_amount"] == "100.00"


async def test_a_manager_does_not_take_over_a_property(site: Site, estate: Estate) -> None:
    manager = await as_role(site, estate, "PROPERTY_MANAGER")
    reply = await write(manager, "properties", op("update", estate.property_id, 1, is_core=False))
    assert (reply.status, reply.json["reason"]) == (403, "only an administrator sets is_core")
    assert (await write(manager, "properties", op("update", estate.property_id, 1, city="Ulm"))).status == 200


async def test_a_row_of_another_workspace_is_not_ones_own(site: Site, estate: Estate) -> None:
    space = await estate.db.fetchval("insert into workspaces (name) values ('Other') returning id")
    admin = await as_role(site, estate, "ADMIN")
    other = await estate.insert(
        "properties", property_id="P-9", name="Far", street_address="9 Far Street", workspace_id=space
    )
    assert (await write(admin, "properties", op("update", other, 1, city="Ulm"))).status == 403


async def test_a_turn_moves_to_a_property_of_the_same_manager_alone(site: Site, estate: Estate) -> None:
    manager, turn = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn()
    senior = await estate.person("SR_PROPERTY_MANAGER")
    address = {"street_address": "2 Elm Street", "name": "Elm"}
    theirs = await estate.insert("properties", property_id="P-2", property_manager_id=senior, **address)
    own = await estate.insert(
        "properties", property_id="P-3", sr_property_manager_id=estate.people["PROPERTY_MANAGER"], **address
    )
    for name in (theirs, uuid4(), "nowhere", None):
        reply = await write(manager, "turns", op("update", turn, 1, property_id=name and str(name)))
        assert (reply.status, reply.json["code"]) == (403, "not_yours")
    assert (await write(manager, "turns", op("update", turn, 1, property_id=str(own)))).status == 200
    assert (await estate.row(turn))["property_id"] == own


async def test_nobody_moves_a_turn_into_another_workspace_or_names_its_rows(site: Site, estate: Estate) -> None:
    world, turn = await estate.other_world(), await estate.turn()
    far: dict[str, Any] = {name: str(getattr(world, name)) for name in ("property_id", "stage_id", "vendor_id")}
    for role in ("PROPERTY_MANAGER", "ADMIN"):
        client = await as_role(site, estate, role)
        for name, status, code in (
            ("property_id", 403, "not_yours"),
            ("stage_id", 422, "other_workspace"),
            ("vendor_id", 422, "other_workspace"),
        ):
            reply = await write(client, "turns", op("update", turn, 1, **{name: far[name]}))
            assert (reply.status, reply.json["code"]) == (status, code)
    both = (DEFAULT_WORKSPACE, world.workspace_id)
    email = await estate.db.fetchval("select email from users where id = $1", estate.people["PROPERTY_MANAGER"])
    member = await site.client("operate", email=email, create_user=False, workspaces=both)
    reply = await write(member, "turns", op("update", turn, 1, property_id=far["property_id"]))
    assert (reply.status, reply.json["code"]) == (422, "other_workspace")
    here = str(estate.stages["Moved out"])
    new = op("insert", uuid4(), turn_id="T-9", property_id=far["property_id"], stage_id=here)
    assert (await write(member, "turns", new)).json["code"] == "other_workspace"
    assert (await estate.row(turn))["version"] == 1


async def test_the_documents_whole_record_is_taken_as_one_operation(site: Site, estate: Estate) -> None:
    """As syncWrites of the document posts it (D1.15)."""
    manager, turn = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn(wo_number="old")
    record = {
        "id": str(turn),
        "wo_number": "new",
        "move_out_date": "2026-01-05",
        "version": 1,
        "_synced": False,
        "_new": False,
        "_deleted": False,
        "_modified_columns": ["wo_number"],
    }
    first, second = [await manager.post("/api/write/turns", record, key=None) for _ in range(2)]
    assert (first.ok()["row"]["wo_number"], first.json["row"]["move_out_date"]) == ("new", None)
    assert first.status == second.status == 200
    assert (await estate.row(turn))["version"] == 2


async def test_what_was_refused_is_looked_at_anew_when_its_reason_is_gone(site: Site, estate: Estate) -> None:
    """A whole record without a key is the same operation each time it comes."""
    manager = await as_role(site, estate, "PROPERTY_MANAGER")
    turn = await estate.turn(turn_amount=5)
    record = {"id": str(turn), "version": 1, "stage_id": str(estate.stages["Work"]), "_modified_columns": ["stage_id"]}
    refused = [await manager.post("/api/write/turns", record, key=None) for _ in range(2)]
    assert [(each.json["code"], "repeated" in each.json) for each in refused] == [("vendor_needed", False)] * 2
    assert await estate.db.fetchval("select count(*) from turn_operations") == 0
    await estate.db.execute("update turn_stages set is_vendor_required = false")
    applied, again = [await manager.post("/api/write/turns", record, key=None) for _ in range(2)]
    assert {**again.ok(), "repeated": None} == {**applied.ok(), "repeated": None}
    assert await estate.db.fetchval("select count(*) from turn_operations") == 1


async def test_what_was_in_conflict_is_looked_at_anew(site: Site, estate: Estate) -> None:
    manager, turn = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn(turn_id="T-1")
    columns = {"property_id": str(estate.property_id), "stage_id": str(estate.stages["Moved out"])}
    record = {"id": str(turn), "turn_id": "T-1", "_new": True, **columns}
    assert (await manager.post("/api/write/turns", record, key=None)).status == 409
    await estate.db.execute("delete from turns")
    assert (await manager.post("/api/write/turns", record, key=None)).ok()["status"] == "applied"


async def test_one_refused_operation_sent_twice_at_once_hears_its_reason_twice(site: Site, estate: Estate) -> None:
    manager, turn = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn()
    asked = op("update", turn, 1, stage_id=str(estate.stages["Scoped"]))
    replies = await asyncio.gather(*(write(manager, "turns", asked) for _ in range(6)))
    assert {(reply.status, reply.json["code"]) for reply in replies} == {(422, "amount_needed")}


@pytest.mark.parametrize(
    "body",
    [
        "text",
        [1],
        {"operation": "update"},
        {"operation": "upsert", "id": str(uuid4()), "operation_id": str(uuid4())},
        {"operation": "update", "id": "x", "operation_id": str(uuid4())},
        {"operation": "update", "id": str(uuid4()), "operation_id": str(uuid4()), "base_version": -1},
        {"operation": "update", "id": str(uuid4()), "operation_id": str(uuid4()), "more": 1},
        [{"operation": "delete", "id": str(uuid4()), "operation_id": str(UUID(int=1))}] * 2,
    ],
)
async def test_what_is_no_operation_is_refused_whole(site: Site, estate: Estate, body: Any) -> None:
    admin = await as_role(site, estate, "ADMIN")
    reply = await write(admin, "turns", body)
    assert (reply.status, list(reply.json)) == (400, ["message"])


@pytest.mark.parametrize(
    ("value", "status", "said"),
    [
        ("12345678901234567890", 422, "turn_amount is out of range"),
        ("1" * 5000, 400, "a number of too many digits"),
        ("1e999", 400, "a number that is too large"),
        ("NaN", 400, "holds NaN"),
        (r'"\ud800"', 400, "turn_amount holds a character that cannot be stored"),
        (r'"\u0000"', 400, "turn_amount holds a character that cannot be stored"),
        ("[" * 50_000 + "]" * 50_000, 400, "nested deeper"),
        ("", 400, "the body is no JSON"),
    ],
    ids=["int8", "digits", "infinite", "nan", "surrogate", "nul", "deep", "nothing"],
)
@pytest.mark.parametrize("is_record", [False, True])
async def test_what_cannot_be_stored_is_refused_with_its_place(
    site: Site, estate: Estate, value: str, status: int, said: str, is_record: bool
) -> None:
    manager, turn = await as_role(site, estate, "PROPERTY_MANAGER"), await estate.turn()
    one = {"id": str(turn), "version": 1, "turn_amount": "?"} if is_record else op("update", turn, 1, turn_amount="?")
    sent = json.dumps(one).replace('"?"', value)
    reply = await manager.post("/api/write/turns", data=sent.encode())
    assert (reply.status, said in reply.json["message"]) == (status, True), reply.json
    assert (await estate.row(turn))["version"] == 1


async def test_nothing_is_written_elsewhere_or_by_a_token_that_only_reads(site: Site, estate: Estate) -> None:
    admin = await as_role(site, estate, "ADMIN")
    assert (await write(admin, "users", {})).status == 404
    reader = await site.client("read")
    assert (await write(reader, "turns", [])).status == 403
    assert (await write(site.stranger(), "turns", [])).status == 401
