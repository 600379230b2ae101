"""Whatever comes in, what goes out is one shape: a sentence, the field, and nothing of the inside."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.storable import DEPTH_LIMIT
from core.web.reading import decoded
from core.web.refusals import Refused
from tests.serving import Client, Site

JSON = {"Content-Type": "application/json"}


async def nothing_written(site: Site) -> bool:
    written: bool = await site.db.fetchval(
        "select not exists (select from task_queue) and not exists (select from rowmill.commands) "
        "and not exists (select from audit_events)"
    )
    return written


@pytest.fixture
async def client(site: Site) -> Client:
    await site.db.execute(
        "insert into rowmill.task_types (task_type, schema) values ('toy.note', $1)",
        json.dumps({"type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]}),
    )
    return await site.client("operate")


DEEP = b'{"task_type": "toy.note", "payload": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}"
BODIES: dict[str, tuple[bytes, str | None]] = {
    "no JSON": (b'{"task_type": ', None),
    "empty": (b"", None),
    "not UTF-8": (b'{"task_type": "\xff"}', None),
    "no object": (b"[]", None),
    "null": (b"null", None),
    "unknown field": (b'{"task_type": "toy.note", "prioritty": 1}', "prioritty"),
    "a field is missing": (b"{}", "task_type"),
    "wrong type": (b'{"task_type": "toy.note", "priority": "5"}', "priority"),
    "a boolean for a number": (b'{"task_type": "toy.note", "priority": true}', "priority"),
    "a list for an object": (b'{"task_type": "toy.note", "payload": [1]}', "payload"),
    "out of range": (b'{"task_type": "toy.note", "priority": 101}', "priority"),
    "no time zone": (b'{"task_type": "toy.note", "scheduled_for": "2026-01-01T00:00:00"}', "scheduled_for"),
    "no time": (b'{"task_type": "toy.note", "scheduled_for": "infinity"}', "scheduled_for"),
    "before all time": (b'{"task_type": "toy.note", "scheduled_for": "0001-01-01T00:00:00+14:00"}', "scheduled_for"),
    "no uuid": (b'{"task_type": "toy.note", "workspace_id": "1"}', "workspace_id"),
    "NUL": (b'{"task_type": "toy.note", "payload": {"note": "a\\u0000b"}}', "payload.note"),
    "half of a pair": (b'{"task_type": "toy.note", "payload": {"note": "\\ud800"}}', "payload.note"),
    "NUL in a key": (b'{"task_type": "toy.note", "payload": {"a\\u0000": 1}}', "payload.a\ufffd"),
    "a key twice": (b'{"task_type": "toy.note", "task_type": "toy.set"}', "task_type"),
    "a huge integer": (b'{"task_type": "toy.note", "payload": {"n": ' + b"9" * 30 + b"}}", "payload.n"),
    "an endless integer": (b'{"task_type": "toy.note", "payload": {"n": ' + b"9" * 6000 + b"}}", None),
    "infinity": (b'{"task_type": "toy.note", "payload": {"n": 1e999}}', None),
    "NaN": (b'{"task_type": "toy.note", "payload": {"n": NaN}}', None),
    "too deep": (DEEP, None),
    "just too deep": (b'{"payload": ' + b"[" * 101 + b"]" * 101 + b"}", "payload" + ".0" * 99),
}


async def test_a_body_that_cannot_be_read_is_refused_by_its_field(site: Site, client: Client) -> None:
    for what, (body, field) in BODIES.items():
        status = 422 if what == "a huge integer" else 400  # that is JSON, and cannot be stored
        error = (await client.post("/api/tasks", data=body, headers=JSON)).refusal(status)
        assert (what, error.get("field")) == (what, field), error
    assert await nothing_written(site)


async def test_a_time_is_taken_with_its_zone(site: Site, client: Client) -> None:
    note = {"task_type": "toy.note", "payload": {"note": "x"}, "scheduled_for": "2031-01-31T14:00:00+02:00"}
    (await client.post("/api/tasks", note)).ok()
    due = await site.db.fetchval("select scheduled_for from task_queue")
    assert due.isoformat() == "2031-01-31T12:00:00+00:00"


async def test_a_whole_number_may_be_written_with_a_point(site: Site, client: Client) -> None:
    """JSON knows one kind of number; a half is no whole one."""
    note = b'{"task_type": "toy.note", "payload": {"note": "x"}, "priority": %s}'
    (await client.post("/api/tasks", data=note % b"7.0", headers=JSON)).ok()
    assert await site.db.fetchval("select priority from task_queue") == 7
    assert (await client.post("/api/tasks", data=note % b"7.5", headers=JSON)).refusal(400)["field"] == "priority"


async def test_a_body_of_another_kind_is_refused(site: Site, client: Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        reply = await client.post("/api/tasks", data=b'{"task_type": "toy.note"}', headers={"Content-Type": kind})
        assert reply.refusal(415, "not_json")["field"] == "Content-Type"


PATHS = {
    "/api/tasks/1": "id",
    "/api/tasks/%00": "id",
    "/api/tasks/..%2f..%2fetc%2fpasswd": "id",
    "/api/tasks?status=lost": "status.0",
    "/api/tasks?limit=5&limit=6": "limit",
    "/api/tasks?since=yesterday": "since",
    "/api/tasks?since=2026-01-01": "since",
    "/api/tasks?since=1700000000": "since",
    "/api/tasks?before=9": "before",
    "/api/tasks?field=novalue": "field.0",
    "/api/tasks?colour=red": "colour",
    "/api/tasks?type=%00": "type",
    "/api/tasks?error=a%00b": "error",
    f"/api/operators/{'x' * 101}": "task_type",
}


async def test_an_address_that_cannot_be_read_is_refused_by_its_field(site: Site, client: Client) -> None:
    for path, field in PATHS.items():
        assert (path, (await client.get(path)).refusal(400, "invalid")["field"]) == (path, field)


ID = "00000000-0000-4000-8000-00000000abcd"
CONTRACT = [
    ("/api/tasks", {"task_type": "no.such"}, 404, "unknown_task_type", "task_type"),
    ("/api/tasks", {"task_type": "toy.note"}, 422, "payload_unfit", "payload"),
    ("/api/tasks", {"task_type": "toy.note", "payload": {"note": 1}}, 422, "payload_unfit", "payload"),
    (f"/api/tasks/{ID}/retry", None, 404, "not_found", None),
    (f"/api/tasks/{ID}/cancel", None, 404, "not_found", None),
]


async def test_refusals_of_the_contract_are_told(site: Site, client: Client) -> None:
    for path, body, status, code, field in CONTRACT:
        error = (await client.post(path, body)).refusal(status, code)
        assert error.get("field") == field
        assert "select" not in error["message"].lower()  # advice for those who write SQL
    assert await nothing_written(site)


async def test_a_finished_or_live_task_is_not_changed_twice(site: Site, client: Client) -> None:
    note = {"task_type": "toy.note", "payload": {"note": "x"}, "dedupe_key": "d"}
    first = (await client.post("/api/tasks", note)).ok()
    again = (await client.post("/api/tasks", note)).ok()
    assert (again["created"], again["duplicate_of"]) == (False, first["id"])
    (await client.post(f"/api/tasks/{first['id']}/cancel")).ok()
    (await client.post(f"/api/tasks/{first['id']}/cancel")).refusal(409, "wrong_state")
    (await client.post("/api/tasks", note)).ok()
    (await client.post(f"/api/tasks/{first['id']}/retry")).refusal(409, "duplicate")


async def test_a_surprise_has_a_number_and_no_inside(
    site: Site, client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    reply = await client.get("/api/toy/broken")
    error = reply.refusal(500, "internal")
    assert b"hunter2" not in reply.body
    assert b"ZeroDivision" not in reply.body
    logged = "".join(capfd.readouterr())
    assert error["details"]["id"] in logged
    assert "ZeroDivisionError" in logged
    assert "hunter2" not in logged


async def test_a_refusal_of_a_domain_keeps_its_details(site: Site, client: Client) -> None:
    error = (await client.get("/api/toy/refused")).refusal(409, "stale")
    assert (error["field"], error["details"]) == ("rows", {"rows": [1, 2]})


async def test_a_number_that_no_column_holds_is_a_refusal(site: Site, client: Client) -> None:
    for number in (2**31, -(2**31) - 1, 2**63, 10**400):
        reply = await client.post(f"/api/toy/rows/{number}", {"value": "x"})
        assert reply.status in {400, 422}
        reply.refusal(reply.status)


async def test_what_is_not_there_and_what_is_not_done_there(site: Site, client: Client) -> None:
    (await client.get("/api/nothing")).refusal(404, "not_found")
    reply = await client.ask("DELETE", "/api/tasks")
    reply.refusal(405, "method")
    assert reply.headers["Allow"] == "GET, POST"


async def test_a_database_that_is_gone_is_a_503(site: Site, client: Client) -> None:
    shell = site.served.shell
    await shell.pool.close()
    shell.pool._dsn = "postgresql://nobody@127.0.0.1:1/none"
    error = (await client.get("/api/tasks")).refusal(503, "database_unreachable")
    assert "127.0.0.1" not in error["message"]
    assert (await client.get("/healthz")).status == 200


# --- the reader alone -------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(sent: bytes) -> None:
    with contextlib.suppress(Refused):
        json.dumps(decoded(sent)).encode()


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_what_is_read_can_be_stored(document: Any) -> None:
    try:
        found = decoded(json.dumps(document).encode())
    except Refused:
        return
    assert found == document
    text = json.dumps(found, ensure_ascii=False)
    assert "\x00" not in text
    assert "\\u0000" not in text
    text.encode()


def test_depth_has_a_limit_and_no_crash() -> None:
    decoded(b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT)
    for depth in (DEPTH_LIMIT + 1, 20_000, 60_000):
        with pytest.raises(Refused, match="deep"):
            decoded(b"[" * depth + b"]" * depth)


@pytest.mark.timeout(30)
def test_a_key_that_stands_twice_among_a_million_is_found_in_time() -> None:
    keys = ",".join(f'"{at}":1' for at in range(1_000_000))
    with pytest.raises(Refused, match="the key 999999 stands twice"):
        decoded(f'{{{keys},"999999":2}}'.encode())
