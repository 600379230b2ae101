"""Property turns, offline first: rows that many devices edit without a network and that converge when it is back.

Server half: `triggers.sql` (rules of stages, approvals, audit, change log), `shapes` (what a client may follow, served
as the HTTP protocol of Electric), `http` (shapes and writes), `operators`. Client half: `client` for Python on SQLite,
`sql/client` and `page` for browsers on PGlite. Task types: `turns.notify_approvers`, `turns.find_overdue`,
`turns.compact_log`.
"""
