"""Who may do what with which object: the whole matrix from the catalogs, beside the one that is meant.

A new table, view, sequence or function belongs into a table below, and its grants into sql/roles/2_engine.sql, or into
the `roles.sql` of its domain.
"""

from __future__ import annotations

import pytest

from core.db.connect import Connection
from tests.core.roles.catalog import DEFINERS, FUNCTIONS, RELATIONS, as_table, matrix, written

WHAT_TO_DO = (
    "the rights differ from what is meant; say in sql/roles/2_engine.sql, or in the domain's roles.sql, "
    "who may use the object, and write it into the table of this file"
)

# S select, I insert, U update, D delete, X usage of a sequence; s: select of some columns.
# The columns: producer, worker, monitor, admin, everybody.
TABLES = """
monitoring.autoscale                       -        S        S        S        -
monitoring.blockers_of_vacuum              -        S        S        S        -
monitoring.db_health                       -        S        S        S        -
monitoring.failures_by_fingerprint         -        S        S        S        -
monitoring.limits                          -        S        S        S        -
monitoring.oldest_ready                    -        S        S        S        -
monitoring.queue_depth                     -        S        S        S        -
monitoring.schedules                       -        S        S        S        -
monitoring.slow_queries                    -        S        S        S        -
monitoring.stuck_tasks                     -        S        S        S        -
monitoring.throughput_1m                   -        S        S        S        -
monitoring.waiting                         -        S        S        S        -
monitoring.workers                         -        S        S        S        -
public.api_tokens                          -        -        -        ISU      -
public.approval_steps                      -        S        -        -        -
public.audit_events                        -        IS       -        S        -
public.audit_logs                          -        S        -        -        -
public.cell_edit_events                    -        IS       -        -        -
public.cells                               -        ISU      -        -        -
public.column_inputs                       -        DISU     -        -        -
public.daily_reports                       -        DISU     -        -        -
public.export_jobs                         -        ISU      -        -        -
public.extraction_runs                     -        DISU     -        -        -
public.fm_profiles                         -        IS       -        -        -
public.deals                               -        ISU      -        -        -
public.deals_id_seq                        -        X        -        -        -
public.deal_spaces                         -        ISU      -        -        -
public.deal_spaces_id_seq                  -        -        -        -        -
public.draft_archive_reasons               -        S        -        -        -
public.email_deliveries                    -        ISU      -        -        -
public.email_deliveries_id_seq             -        -        -        -        -
public.email_drafts                        -        ISU      -        -        -
public.email_drafts_id_seq                 -        -        -        -        -
public.emails                              -        IS       -        -        -
public.emails_id_seq                       -        -        -        -        -
public.inbound_emails                      -        ISU      -        -        -
public.spaces                              -        ISU      -        -        -
public.spaces_id_seq                       -        X        -        -        -
public.generated_reports                   -        ISU      -        -        -
public.jira_snapshots                      -        DISU     -        -        -
public.login_attempts                      -        -        -        DISU     -
public.meeting_transcripts                 -        DISU     -        -        -
public.organizations                       -        ISU      -        -        -
public.report_data_links                   -        DIS      -        -        -
public.report_files                        -        ISU      -        -        -
public.report_ingestions                   -        ISU      -        -        -
public.report_passages                     -        S        -        -        -
public.report_revisions                    -        IS       -        -        -
public.report_types                        -        ISU      -        -        -
public.properties                          -        DISU     -        -        -
public.robot_input_events                  -        IS       -        S        -
public.sessions                            -        -        -        DISU     -
public.sheet_cells                         -        S        -        -        -
public.sheet_columns                       -        ISU      -        -        -
public.language_answers                    -        ISU      -        -        -
public.language_calls                      -        ISU      -        -        -
public.removed_cells                       -        S        -        -        -
public.sheet_budgets                       -        ISU      -        -        -
public.sheet_rows                          -        DISU     -        -        -
public.sheet_edit_events                   -        IS       -        -        -
public.signed_documents                    -        ISU      -        -        -
public.signed_match                        -        DISU     -        -        -
public.slack_captures                      -        DISU     -        -        -
public.spreadsheets                        -        ISU      -        -        -
public.sync_chunks                         -        DISU     -        -        -
public.sync_feed                           -        DS       -        -        -
public.sync_head                           -        SU       -        -        -
public.sync_outbox                         -        S        -        -        -
public.sync_outbox_id_seq                  -        -        -        -        -
public.sync_shapes                         -        DISU     -        -        -
public.task_queue                          Is       ISU      -        S        -
public.teams                               -        ISU      -        -        -
public.transformer_sessions                -        ISU      -        -        -
public.users                               -        -        -        ISU      -
public.work_order_reviews                  -        ISU      -        -        -
public.work_order_settings                 -        S        -        -        -
public.work_order_sources                  -        ISU      -        -        -
public.work_orders                         -        DISU     -        -        -
public.turn_notices                        -        ISU      -        -        -
public.turn_operations                     -        DISU     -        -        -
public.turn_policy                         -        S        -        SU       -
public.turn_stages                         -        DISU     -        -        -
public.turns                               -        DISU     -        -        -
public.users                               -        -        -        ISU      -
public.vendors                             -        DISU     -        -        -
public.workspace_members                   -        -        -        ISU      -
public.workspaces                          -        -        -        ISU      -
public.workspaces_d0                       -        -        -        -        -
rowmill.alembic_version                    -        S        S        S        -
rowmill.commands                           -        DISU     -        S        -
rowmill.gate                               -        DISU     -        S        -
rowmill.holds                              -        S        -        DISU     -
rowmill.limits                             -        -        -        S        -
rowmill.producers                          -        -        -        DISU     -
rowmill.recoveries                         -        -        S        S        -
rowmill.schedules                          -        SU       -        S        -
rowmill.signals                            -        DISU     -        S        -
rowmill.sleepers                           -        -        -        -        -
rowmill.task_stats                         -        DISU     -        S        -
rowmill.task_types                         S        ISU      S        S        -
rowmill.waits                              -        DISU     -        S        -
rowmill.version                            -        X        -        -        -
rowmill.workers                            -        DISU     -        S        -
"""

# X execute. What nobody may call is called by triggers and other functions, as their owner.
CALLS = """
public.arm_bell                            -        X        -        X        -
public.cancel_task                         X        X        -        X        -
public.deals_audit_sql                     -        -        -        -        -
public.deals_delivery_moves                -        -        -        -        -
public.deals_draft_moves                   -        -        -        -        -
public.deals_guard_delivery                -        -        -        -        -
public.deals_guard_draft                   -        -        -        -        -
public.deals_guard_new_draft               -        -        -        -        -
public.deals_new_version                   -        -        -        -        -
public.enqueue_task                        X        X        -        X        -
public.explain_task                        X        X        X        X        -
public.explain_task_json                   X        X        X        X        -
public.export_jobs_enqueue                 -        -        -        -        -
public.get_or_create_workspace             -        -        -        X        -
public.ingest_signed                       -        X        -        -        -
public.ingest_work_order                   -        X        -        -        -
public.pause_operator                      -        -        -        X        -
public.pause_schedule                      -        -        -        X        -
public.reports_daily_written               -        -        -        -        -
public.reports_file_received               -        -        -        -        -
public.reports_ingestion_closed            -        -        -        -        -
public.reports_language_changed            -        -        -        -        -
public.reports_language_known              -        -        -        -        -
public.reports_of_organization             -        -        -        -        -
public.reports_of_team                     -        -        -        -        -
public.reports_passages_of                 -        -        -        -        -
public.reports_schedule                    -        -        -        -        -
public.reports_text_changed                -        -        -        -        -
public.reports_text_hashed                 -        -        -        -        -
public.reports_touched                     -        -        -        -        -
public.reports_transcript_written          -        -        -        -        -
public.reports_words_of                    -        -        -        -        -
public.resume_operator                     -        -        -        X        -
public.resume_schedule                     -        -        -        X        -
public.retry_task                          -        -        -        X        -
public.run_schedule                        -        -        -        X        -
public.schedule_task                       -        -        -        X        -
public.signal_task                         X        X        -        X        -
public.signed_match_changed                -        -        -        -        -
public.spreadsheets_audit_structure        -        -        -        -        -
public.spreadsheets_cells_changed          -        -        -        -        -
public.spreadsheets_cells_deleted          -        -        -        -        -
public.spreadsheets_check_inputs           -        -        -        -        -
public.spreadsheets_column_audited         -        -        -        -        -
public.spreadsheets_columns_changed        -        -        -        -        -
public.spreadsheets_enqueue_cells          -        -        -        -        -
public.spreadsheets_enqueue_columns        -        -        -        -        -
public.spreadsheets_enqueue_formulas       -        -        -        -        -
public.spreadsheets_feed_epoch             -        X        -        -        -
public.spreadsheets_hold_sheets            -        -        -        -        -
public.spreadsheets_inputs_changed         -        -        -        -        -
public.spreadsheets_is_formula             -        X        -        -        -
public.spreadsheets_new_cell_version       -        -        -        -        -
public.spreadsheets_new_column_version     -        -        -        -        -
public.spreadsheets_note_formula           -        -        -        -        -
public.spreadsheets_read_value             -        X        -        -        -
public.spreadsheets_session_audited        -        -        -        -        -
public.spreadsheets_session_begins         -        -        -        -        -
public.spreadsheets_session_steps          -        -        -        -        -
public.spreadsheets_sheet_audited          -        -        -        -        -
public.spreadsheets_turn_formulas          -        -        -        -        -
public.spreadsheets_cancel_column          -        X        -        -        -
public.spreadsheets_enqueue_lookups        -        -        -        -        -
public.spreadsheets_fill_lanes             -        -        -        -        X
public.spreadsheets_filled_together        -        -        -        -        X
public.spreadsheets_is_moving              -        -        -        -        -
public.spreadsheets_looked_up              -        -        -        -        -
public.spreadsheets_move_column            -        X        -        -        -
public.spreadsheets_nth_id                 -        X        -        -        -
public.spreadsheets_reads_of               -        -        -        -        -
public.spreadsheets_remove_rows            -        X        -        -        -
public.spreadsheets_renumber_rows          -        X        -        -        -
public.spreadsheets_reserve_tokens         -        X        -        -        -
public.spreadsheets_retain_answers         -        X        -        -        -
public.spreadsheets_retain_removed         -        X        -        -        -
public.spreadsheets_return_rows            -        X        -        -        -
public.spreadsheets_run_column             -        X        -        -        -
public.spreadsheets_settle_tokens          -        X        -        -        -
public.spreadsheets_shape_changed          -        -        -        -        -
public.sync_capture                        -        -        -        -        -
public.sync_capture_truncate               -        -        -        -        -
public.sync_count_old                      -        X        -        -        -
public.sync_move                           -        X        -        -        -
public.sync_prune                          -        X        -        -        -
public.turns_approval_moved                -        -        -        -        -
public.turns_audit                         -        -        -        -        -
public.turns_belong                        -        -        -        -        -
public.turns_check                         -        -        -        -        -
public.turns_check_step                    -        -        -        -        -
public.turns_is_approved                   -        -        -        -        -
public.turns_stamp                         -        -        -        -        -
public.unschedule_task                     -        -        -        X        -
public.work_orders_accept                  -        X        -        -        -
public.work_orders_adopt                   -        -        -        -        -
public.work_orders_apply                   -        X        -        -        -
public.work_orders_ask                     -        X        -        -        -
public.work_orders_ask_twins               -        X        -        -        -
public.work_orders_audit                   -        X        -        -        -
public.work_orders_bind                    -        X        -        -        -
public.work_orders_changed                 -        -        -        -        -
public.work_orders_check_file              -        X        -        -        -
public.work_orders_correct                 -        X        -        -        -
public.work_orders_doubt                   -        X        -        -        -
public.work_orders_export                  -        -        -        -        -
public.work_orders_field_name              -        X        -        -        -
public.work_orders_fields                  -        X        -        -        -
public.work_orders_hold_number             -        X        -        -        -
public.work_orders_join                    -        X        -        -        -
public.work_orders_match                   -        X        -        -        -
public.work_orders_match_waiting           -        X        -        -        -
public.work_orders_merge                   -        X        -        -        -
public.work_orders_move_match              -        X        -        -        -
public.work_orders_named                   -        X        -        -        -
public.work_orders_new_workspace           -        -        -        -        -
public.work_orders_number_key              -        X        -        -        -
public.work_orders_readable                -        X        -        -        -
public.work_orders_record_reading          -        X        -        -        -
public.work_orders_record_signed           -        X        -        -        -
public.work_orders_rematch                 -        X        -        -        -
public.work_orders_resolve                 -        X        -        -        -
public.work_orders_revise                  -        X        -        -        -
public.work_orders_same_as                 -        X        -        -        -
public.work_orders_schedule                -        -        -        -        -
public.work_orders_set                     -        X        -        -        -
public.work_orders_settle                  -        X        -        -        -
public.work_orders_take_up                 -        X        -        -        -
public.work_orders_twins                   -        X        -        -        -
rowmill.add_histograms                     -        X        -        -        -
rowmill.begin_waits                        -        X        -        -        -
rowmill.checked_signal                     -        X        -        -        -
rowmill.claim                              -        X        -        -        -
rowmill.claim_on                           -        X        -        -        -
rowmill.claim_suspect                      -        X        -        -        -
rowmill.continue_task                      -        X        -        -        -
rowmill.current_workspace                  -        X        -        -        X
rowmill.default_workspace                  -        X        -        -        X
rowmill.depth                              -        X        X        X        -
rowmill.depth_cap                          -        X        X        X        -
rowmill.drain_worker                       -        X        -        X        -
rowmill.due_keys                           -        X        -        -        -
rowmill.end_child                          -        X        -        -        -
rowmill.enqueue_workspaces                 X        X        -        X        -
rowmill.find_floor                         -        X        -        -        -
rowmill.forget_limits                      -        X        -        -        -
rowmill.free_keys                          -        X        -        -        -
rowmill.has_claimable                      -        X        -        -        -
rowmill.histogram_bounds                   -        X        -        -        -
rowmill.hold_inserted                      -        X        -        -        -
rowmill.how_ended                          -        X        -        -        -
rowmill.input_data                         -        X        -        -        -
rowmill.is_paused                          -        X        -        -        -
rowmill.json_types                         -        X        -        -        -
rowmill.keep_audit                         -        X        -        -        -
rowmill.keep_signal                        -        X        -        -        -
rowmill.known_types                        -        X        X        X        -
rowmill.lanes                              -        X        -        -        -
rowmill.need_schedule                      -        X        -        -        -
rowmill.match_key                          -        X        -        -        -
rowmill.match_task                         -        X        -        -        -
rowmill.next_due_s                         -        X        -        -        -
rowmill.oldest_due                         -        X        X        X        -
rowmill.pause_limit                        -        X        -        -        -
rowmill.payload_fault                      -        X        -        -        -
rowmill.pending_types                      -        X        X        X        -
rowmill.percentile                         -        X        X        X        -
rowmill.reap                               -        X        -        -        -
rowmill.retain_audit                       -        X        -        -        -
rowmill.retain_audit_before                -        X        -        -        -
rowmill.retain_before                      -        X        -        -        -
rowmill.retain_runs                        -        X        -        -        -
rowmill.retain_signals                     -        X        -        -        -
rowmill.retain_tasks                       -        X        -        -        -
rowmill.ring                               -        X        -        -        -
rowmill.ring_inserted                      -        X        -        -        -
rowmill.ring_keys                          -        X        -        -        -
rowmill.ring_rescheduled                   -        X        -        -        -
rowmill.running                            -        X        X        X        -
rowmill.said_at                            -        X        -        -        -
rowmill.said_count                         -        X        -        -        -
rowmill.server_identity                    -        X        X        X        -
rowmill.signal_lock                        -        X        -        -        -
rowmill.slow_queries                       -        X        X        X        -
rowmill.stuck_tasks                        -        X        X        X        -
rowmill.sweep_waits                        -        X        -        -        -
rowmill.take                               -        X        -        -        -
rowmill.take_signal                        -        X        -        -        -
rowmill.take_token                         -        X        -        -        -
rowmill.tasks_ahead                        -        X        -        -        -
rowmill.time_out                           -        X        -        -        -
rowmill.touch                              -        X        -        -        -
rowmill.uuid7                              X        X        -        X        -
rowmill.waiting                            -        X        X        X        -
rowmill.why_pending                        -        X        -        -        -
rowmill.why_running                        -        X        -        -        -
rowmill.why_waiting                        -        X        -        -        -
rowmill.without_literals                   -        X        X        X        -
"""


async def test_tables_views_and_sequences(db: Connection) -> None:
    found, meant = await matrix(db, RELATIONS), written(TABLES)
    assert as_table(found) == as_table(meant), WHAT_TO_DO


async def test_functions(db: Connection) -> None:
    found, meant = await matrix(db, FUNCTIONS), written(CALLS)
    assert as_table(found) == as_table(meant), WHAT_TO_DO


@pytest.mark.parametrize(
    "planted",
    [
        "create table planted (id int)",
        "grant delete on task_queue to rowmill_worker",
        "grant select (payload) on task_queue to rowmill_monitor",
        "grant select on rowmill.holds to public",
        "create sequence rowmill.planted",
        "create view monitoring.planted as select 1 as one",
    ],
)
async def test_a_planted_right_or_object_is_a_difference(db: Connection, planted: str) -> None:
    """The witness of the tests above."""
    await db.execute(planted)
    assert as_table(await matrix(db, RELATIONS)) != as_table(written(TABLES))


async def test_a_planted_function_is_a_difference(db: Connection) -> None:
    """A new function belongs to everybody until somebody takes it away."""
    await db.execute("create function public.planted() returns int language sql as 'select 1'")
    found = await matrix(db, FUNCTIONS)
    assert found["public.planted"] == {"public": "X"}
    assert as_table(found) != as_table(written(CALLS))


async def test_no_function_runs_as_its_owner_for_everybody_or_on_the_callers_search_path(db: Connection) -> None:
    definers = await db.fetch(DEFINERS)
    assert len(definers) > 20
    assert [row["name"] for row in definers if row["public"]] == []
    assert {row["path"] for row in definers} == {"search_path=pg_catalog, pg_temp"}


async def test_a_definer_without_a_search_path_or_for_everybody_is_found(db: Connection) -> None:
    """The witness of the test above."""
    await db.execute("create function rowmill.planted() returns int language sql security definer as 'select 1'")
    [row] = [row for row in await db.fetch(DEFINERS) if row["name"] == "rowmill.planted()"]
    assert (row["public"], row["path"]) == (True, "none")


async def test_the_roles_log_in_to_nothing_own_nothing_and_pass_no_policy(db: Connection) -> None:
    roles = await db.fetch("select * from pg_roles where rolname ~ '^rowmill_'")
    assert len(roles) == 4
    for row in roles:
        rights = {"rolsuper", "rolcreaterole", "rolcreatedb", "rolcanlogin", "rolreplication", "rolbypassrls"}
        assert {name for name in rights if row[name]} == set()
    assert await db.fetchval("select count(*) from pg_class where relowner::regrole::text ~ '^rowmill_'") == 0
    assert await db.fetchval("select count(*) from pg_auth_members where member::regrole::text ~ '^rowmill_'") == 0


async def test_nobody_but_the_owner_may_make_objects(db: Connection) -> None:
    for role in ("producer", "worker", "monitor", "admin"):
        for schema in ("public", "rowmill", "monitoring"):
            query = "select has_schema_privilege($1, $2, 'create')"
            assert not await db.fetchval(query, f"rowmill_{role}", schema), (role, schema)
