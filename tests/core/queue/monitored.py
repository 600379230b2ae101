"""The views of schema monitoring and their columns: what dashboards rely on."""

from __future__ import annotations

COLUMNS = {
    "queue_depth": "task_type ready ready_is_minimum scheduled scheduled_is_minimum processing paused shown",
    "oldest_ready": "task_type keyed task_id priority scheduled_for age_s",
    "throughput_1m": "minute task_type completed failed retried cancelled returned wait_p50_ms wait_p95_ms wait_p99_ms "
    "run_p50_ms run_p95_ms run_p99_ms",
    "failures_by_fingerprint": "task_type error_fingerprint runs tasks first_seen last_seen newest_task_id",
    "workers": "worker_id host pid code_version task_types draining started_at beat_at lease_until alive processing "
    "oldest_run_s drain_asked_at draining_since woken_by",
    "stuck_tasks": "task_id task_type status reason since age_s worker_id",
    "blockers_of_vacuum": "source pid name state query age_s transactions_behind",
    "autoscale": "task_type ready ready_is_minimum processing workers ended_per_s oldest_age_s backlog_s "
    "wanted_workers",
    "schedules": "name task_type cron timezone next_at last_at last_task_id problem overdue_s scheduled_by "
    "catch_up paused_at paused_by",
    "db_health": "database_bytes queue_table_bytes queue_index_bytes queue_live_rows queue_dead_rows "
    "queue_vacuumed_at queue_analyzed_at transaction_id_age vacuum_transactions_behind connections max_connections "
    "cache_hit_percent deadlocks temp_bytes in_recovery has_slow_queries",
    "waiting": "task_type tasks tasks_is_minimum waiting_since longest_s",
    "limits": "name rate burst tokens paused_until paused_reason waiting last_asked_at",
    "slow_queries": "query calls total_ms mean_ms rows",
}
