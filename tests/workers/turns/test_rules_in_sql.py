"""The rules of turns hold for whoever writes, plain SQL included."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from tests.workers.turns.estate import Estate


async def test_version_and_time_follow_every_change_and_nothing_else(estate: Estate) -> None:
    turn = await estate.turn()
    before = await estate.row(turn)
    await estate.set(turn, wo_number="WO-1")
    await estate.set(turn, wo_number="WO-1")
    after = await estate.row(turn)
    assert (before["version"], after["version"]) == (1, 2)
    assert after["updated_at"] > before["updated_at"]
    await estate.db.execute("update turns set version = 99, wo_number = 'WO-2' where id = $1", turn)
    assert (await estate.row(turn))["version"] == 3


async def test_a_row_made_again_under_its_id_is_newer_than_the_one_that_was_deleted(estate: Estate) -> None:
    turn = await estate.turn()
    for version in (2, 4):
        await estate.set(turn, wo_number=f"WO-{version}")
        assert (await estate.row(turn))["version"] == version
        await estate.db.execute("delete from turns where id = $1", turn)
        await estate.turn(id=turn, version=1)
        assert (await estate.row(turn))["version"] == version + 1


@pytest.mark.parametrize("table", ["users", "properties", "vendors", "turn_stages"])
async def test_base_columns_of_every_table_are_kept(estate: Estate, table: str) -> None:
    column = "first_name" if table == "users" else "name"
    await estate.db.execute(f"update {table} set {column} = 'changed'")
    assert await estate.db.fetchval(f"select min(version) from {table}") == 2


async def test_a_stage_that_needs_an_amount_or_a_vendor_refuses_a_turn_without(estate: Estate) -> None:
    turn = await estate.turn()
    with pytest.raises(asyncpg.PostgresError, match="needs an amount") as refused:
        await estate.set(turn, stage_id=estate.stages["Scoped"])
    assert refused.value.sqlstate == "RM101"
    with pytest.raises(asyncpg.PostgresError, match="needs a vendor") as refused:
        await estate.set(turn, stage_id=estate.stages["Work"], turn_amount=Decimal(10))
    assert refused.value.sqlstate == "RM102"
    await estate.set(turn, stage_id=estate.stages["Scoped"], turn_amount=Decimal(10))


async def approval(estate: Estate, amount: int) -> UUID:
    turn = await estate.turn(turn_amount=Decimal(amount))
    async with estate.acting("PROPERTY_MANAGER"):
        await estate.set(turn, stage_id=estate.stages["Approval"])
    assert (await estate.row(turn))["approval_status"] == "DFO_APPROVAL_NEEDED"
    return turn


async def test_a_small_amount_is_approved_by_the_dfo_alone(estate: Estate) -> None:
    turn = await approval(estate, 4999)
    async with estate.acting("DFO_APPROVER") as approver:
        await estate.set(turn, approval_status="DFO_APPROVED")
    row = await estate.row(turn)
    assert (row["approval_status"], row["approved_turn_amount"]) == ("DFO_APPROVED", Decimal(4999))
    assert row["updated_by"] == approver
    await estate.set(turn, stage_id=estate.stages["Work"], vendor_id=estate.vendor_id)


async def test_an_amount_above_the_limit_goes_on_to_the_head_office(estate: Estate) -> None:
    turn = await approval(estate, 5001)
    async with estate.acting("DFO_APPROVER"):
        await estate.set(turn, approval_status="DFO_APPROVED")
    row = await estate.row(turn)
    assert (row["approval_status"], row["approved_turn_amount"]) == ("HO_APPROVAL_NEEDED", None)
    with pytest.raises(asyncpg.PostgresError, match="only when it is approved") as refused:
        await estate.set(turn, stage_id=estate.stages["Work"], vendor_id=estate.vendor_id)
    assert refused.value.sqlstate == "RM103"
    async with estate.acting("HO_APPROVER"):
        await estate.set(turn, approval_status="HO_APPROVED")
    assert (await estate.row(turn))["approved_turn_amount"] == Decimal(5001)
    asked = await estate.db.fetch("select payload ->> 'status' as status from task_queue order by id")
    assert [row["status"] for row in asked] == ["DFO_APPROVAL_NEEDED", "HO_APPROVAL_NEEDED"]


async def test_a_rejected_turn_starts_again(estate: Estate) -> None:
    turn = await approval(estate, 100)
    async with estate.acting("DFO_APPROVER"):
        await estate.set(turn, approval_status="REJECTED")
    async with estate.acting("PROPERTY_MANAGER"):
        await estate.set(turn, approval_status="PENDING")
    assert (await estate.row(turn))["approval_status"] == "DFO_APPROVAL_NEEDED"


async def test_a_changed_amount_takes_the_approval_back(estate: Estate) -> None:
    turn = await approval(estate, 100)
    await estate.set(turn, approval_status="DFO_APPROVED")
    await estate.set(turn, turn_amount=Decimal(200))
    row = await estate.row(turn)
    assert (row["approval_status"], row["approved_turn_amount"]) == ("DFO_APPROVAL_NEEDED", None)


@pytest.mark.parametrize("role", ["PROPERTY_MANAGER", "ADMIN", "HO_APPROVER", "VENDOR", "USER"])
async def test_only_the_dfo_takes_the_step_of_the_dfo(estate: Estate, role: str) -> None:
    turn = await approval(estate, 100)
    with pytest.raises(asyncpg.PostgresError, match="your role may not") as refused:
        async with estate.acting(role):
            await estate.set(turn, approval_status="DFO_APPROVED")
    assert refused.value.sqlstate == "RM105"


async def test_every_pair_of_states_that_is_no_step_is_refused(estate: Estate) -> None:
    statuses = ("PENDING", "DFO_APPROVAL_NEEDED", "DFO_APPROVED", "HO_APPROVAL_NEEDED", "HO_APPROVED", "REJECTED")
    steps = {
        (row["from_status"], row["to_status"])
        for row in await estate.db.fetch("select distinct from_status, to_status from approval_steps")
    }
    for before in statuses:
        for after in statuses:
            if before == after:
                continue
            turn = await estate.turn(turn_amount=Decimal(9000), approval_status=before)
            assert await refusal(estate, turn, after) == (None if (before, after) in steps else "RM104")


async def refusal(estate: Estate, turn: UUID, status: str) -> str | None:
    try:
        await estate.set(turn, approval_status=status)
    except asyncpg.PostgresError as error:
        return error.sqlstate
    return None


async def test_an_approved_amount_cannot_be_written_by_hand(estate: Estate) -> None:
    turn = await estate.turn(turn_amount=Decimal(100))
    await estate.set(turn, approved_turn_amount=Decimal(100))
    assert (await estate.row(turn))["approved_turn_amount"] is None
    with pytest.raises(asyncpg.PostgresError, match="is not approved yet"):
        async with estate.acting("PROPERTY_MANAGER"):
            await estate.turn(approval_status="HO_APPROVED")


async def test_every_change_is_audited_with_its_author_old_and_changed_columns(estate: Estate) -> None:
    turn = await estate.turn()
    async with estate.acting("PROPERTY_MANAGER") as manager:
        await estate.set(turn, wo_number="WO-1", turn_amount=Decimal(7))
    await estate.db.execute("delete from turns where id = $1", turn)
    made, changed, gone = await estate.db.fetch("select * from audit_logs where row_id = $1 order by id", turn)
    assert (made["action"], changed["action"], gone["action"]) == ("insert", "update", "delete")
    assert set(changed["changed_columns"]) == {"wo_number", "turn_amount", "updated_at", "updated_by", "version"}
    assert (changed["user_id"], made["user_id"], made["sql_user"]) == (manager, None, "postgres")
    assert '"wo_number": null' in changed["old_values"]
    assert '"wo_number": "WO-1"' in gone["old_values"]


async def test_the_audit_cannot_be_changed(estate: Estate) -> None:
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await estate.db.execute("update audit_logs set user_id = null")


@pytest.mark.parametrize("column", ["property_id", "stage_id", "vendor_id"])
async def test_a_turn_names_rows_of_its_own_workspace_alone(estate: Estate, column: str) -> None:
    world, turn = await estate.other_world(), await estate.turn()
    far = {column: getattr(world, column)}
    for written in (estate.turn(**far), estate.set(turn, **far)):
        with pytest.raises(asyncpg.PostgresError, match=f"the {column} of a turn names a row of another") as refused:
            await written
        assert refused.value.sqlstate == "RM106"
    with pytest.raises(asyncpg.PostgresError, match="another workspace"):
        await estate.set(turn, workspace_id=world.workspace_id)
    await estate.set(turn, vendor_id=world.vendor_id, **world.turn)


async def test_a_turn_that_named_another_workspace_before_is_still_edited_and_put_right(estate: Estate) -> None:
    world, turn = await estate.other_world(), await estate.turn()
    await estate.db.execute(
        "update properties set workspace_id = $1 where id = $2", world.workspace_id, estate.property_id
    )
    await estate.set(turn, wo_number="WO-1")
    await estate.set(turn, **world.turn)
