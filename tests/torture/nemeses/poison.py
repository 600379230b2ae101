"""Rows that no operator can take: each statement inserts $1 of one kind. What PostgreSQL itself refuses (NUL, lone
surrogates, NaN, a JSON null) never becomes a row; tests/core/queue/commit/test_payloads.py has those."""

from typing import Final

_INSERT: Final = "insert into task_queue (task_type, payload, max_attempts) select"
FLOODS: Final = (
    f"{_INSERT} 'torture.work', '{{}}', 1 from generate_series(1, $1::int)",
    f"""{_INSERT} 'torture.work', '{{"n": "no number"}}', 1 from generate_series(1, $1::int)""",
    f"""{_INSERT} 'torture.work', '{{"n": null, "ms": -1}}', 1 from generate_series(1, $1::int)""",
    f"""{_INSERT} 'torture.work', jsonb_build_object('n', repeat('x', 20000)), 1 from generate_series(1, $1::int)""",
    f"""{_INSERT} 'torture.chunks', jsonb_build_object('n', '1', 'chunks', 10 ^ 30), 1
        from generate_series(1, $1::int)""",
    # deeper than Python's own parser goes
    f"""{_INSERT} 'torture.act', ('{{"n": [' || repeat('[', 5000) || repeat(']', 5000) || ']}}')::jsonb, 1
        from generate_series(1, $1::int)""",
    f"""{_INSERT} 'torture.act', '{{"n": "1e400000", "act": "no such act"}}', 1 from generate_series(1, $1::int)""",
)
UNKNOWN: Final = """
insert into task_queue (task_type, payload) select 'torture.unknown', '{}' from generate_series(1, $1::int)
"""
