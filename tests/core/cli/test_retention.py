"""`rowmill retention`: what would go is what goes, and a hold keeps it."""

from __future__ import annotations

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill

OLD = """
insert into task_queue (id, task_type, status, completed_at, failed_at)
select rowmill.uuid7(), 'toy.note', s.status, case when s.status = 'completed' then now() - s.age end,
    case when s.status = 'failed' then now() - s.age end
from (values ('completed', interval '8 days'), ('completed', interval '1 day'), ('failed', interval '31 days'),
             ('failed', interval '8 days'), ('completed', interval '9 days')) as s (status, age)
"""


async def test_a_dry_run_counts_and_deletes_nothing_then_the_same_rows_go(rowmill: Rowmill, db: Connection) -> None:
    await db.execute(OLD)
    await db.execute(
        "insert into rowmill.holds (task_id, reason)"
        " select id, 'a dispute' from task_queue where completed_at < now() - interval '8.5 days'"
    )
    shown = (await rowmill("retention", "--dry-run", "--json")).json()
    assert {row["status"]: (row["would_go"], row["held"]) for row in shown["tasks"]} == {
        "completed": (1, 1),
        "failed": (1, 0),
    }
    assert await db.fetchval("select count(*) from task_queue") == 5
    assert "2 tasks would go now" in (await rowmill("retention", "--dry-run")).words()
    assert (await rowmill("retention", "--json")).json()["deleted"]["retain_tasks"] == 2
    assert await db.fetchval("select count(*) from task_queue") == 3
    assert (await rowmill("retention")).words() == "deleted 0 rows"
