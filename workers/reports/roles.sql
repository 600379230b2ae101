-- Who may do what with reports. A worker reads and writes those of one workspace at a time: the row policies see to that.
-- Revisions and passages are written by triggers alone. Runs as the owner, any number of times.

revoke execute on function
    public.reports_of_team(), public.reports_of_organization(), public.reports_touched(), public.reports_text_hashed(),
    public.reports_text_changed(), public.reports_passages_of(text), public.reports_words_of(text, text, text),
    public.reports_language_known(), public.reports_language_changed(), public.reports_schedule(uuid),
    public.reports_daily_written(),
    public.reports_transcript_written(), public.reports_file_received(), public.reports_ingestion_closed()
    from public;

do $$ begin
if (select count(*) from pg_roles
    where rolname in ('rowmill_producer', 'rowmill_worker', 'rowmill_monitor', 'rowmill_admin')) < 4 then
    return;
end if;
grant select, insert, update on public.organizations, public.teams, public.report_types, public.report_ingestions,
    public.report_files, public.daily_reports, public.meeting_transcripts, public.jira_snapshots, public.slack_captures,
    public.generated_reports to rowmill_worker;
grant delete on public.daily_reports, public.meeting_transcripts, public.jira_snapshots, public.slack_captures to rowmill_worker;
grant select, insert on public.report_revisions to rowmill_worker;
grant select on public.report_passages to rowmill_worker;
grant select, insert, delete on public.report_data_links to rowmill_worker;
end $$;
