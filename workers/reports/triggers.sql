-- What makes a report's row keep its history and be found, whoever writes it: operators, people, plain SQL.

-- What hangs on a team belongs to the team's workspace; who inserts need not say it (D2's queries know no workspace).
create or replace function public.reports_of_team() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.workspace_id := (select t.workspace_id from public.teams t where t.id = new.project_id);
    return new;
end $$;

create or replace function public.reports_of_organization() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.workspace_id := (select o.workspace_id from public.organizations o where o.id = new.organization_id);
    return new;
end $$;

create or replace trigger teams_placed before insert on public.teams
for each row when (new.workspace_id is null) execute function public.reports_of_organization();
create or replace trigger report_ingestions_placed before insert on public.report_ingestions
for each row when (new.workspace_id is null) execute function public.reports_of_team();
create or replace trigger report_files_placed before insert on public.report_files
for each row when (new.workspace_id is null) execute function public.reports_of_team();
create or replace trigger daily_reports_placed before insert on public.daily_reports
for each row when (new.workspace_id is null) execute function public.reports_of_team();
create or replace trigger meeting_transcripts_placed before insert on public.meeting_transcripts
for each row when (new.workspace_id is null) execute function public.reports_of_team();
create or replace trigger jira_snapshots_placed before insert on public.jira_snapshots
for each row when (new.workspace_id is null) execute function public.reports_of_team();
create or replace trigger slack_captures_placed before insert on public.slack_captures
for each row when (new.workspace_id is null) execute function public.reports_of_team();
create or replace trigger generated_reports_placed before insert on public.generated_reports
for each row when (new.workspace_id is null) execute function public.reports_of_team();

-- D2.11: `updated_at` follows each change.
create or replace function public.reports_touched() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := now();
    return new;
end $$;

create or replace trigger organizations_touched before update on public.organizations
for each row execute function public.reports_touched();
create or replace trigger teams_touched before update on public.teams
for each row execute function public.reports_touched();
create or replace trigger jira_snapshots_touched before update on public.jira_snapshots
for each row execute function public.reports_touched();
create or replace trigger slack_captures_touched before update on public.slack_captures
for each row execute function public.reports_touched();
create or replace trigger generated_reports_touched before update on public.generated_reports
for each row execute function public.reports_touched();

-- The hash of a text that was written without one, and what a new text means for its row: a revision, a version, a time.
create or replace function public.reports_text_hashed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.content_sha256 := encode(sha256(convert_to(new.content, 'UTF8')), 'hex');
    return new;
end $$;

create or replace function public.reports_text_changed() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := now();
    if new.content is distinct from old.content then
        if new.content_sha256 = old.content_sha256 then
            new.content_sha256 := encode(sha256(convert_to(new.content, 'UTF8')), 'hex');
            new.received_at := clock_timestamp();
        end if;
        new.revision := old.revision + 1;
        new.version := nextval('rowmill.version');
    end if;
    return new;
end $$;

create or replace trigger daily_reports_hashed before insert on public.daily_reports
for each row when (new.content_sha256 is null) execute function public.reports_text_hashed();
create or replace trigger daily_reports_changed before update on public.daily_reports
for each row execute function public.reports_text_changed();
create or replace trigger meeting_transcripts_hashed before insert on public.meeting_transcripts
for each row when (new.content_sha256 is null) execute function public.reports_text_hashed();
create or replace trigger meeting_transcripts_changed before update on public.meeting_transcripts
for each row execute function public.reports_text_changed();

-- Passages of 8,000 bytes with 200 of the next, so that a text of any length is found to its end (a tsvector holds one
-- megabyte) and the words around a hit are taken from a short piece of it. By bytes, cut between characters: a part of a
-- text is found by counting its characters from the start, which for each of many parts would take for ever.
create or replace function public.reports_passages_of(p_content text)
returns table (first_character integer, passage text)
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
declare
    v_bytes bytea := convert_to(p_content, 'UTF8');
    v_size integer := octet_length(v_bytes);
    v_from integer := 0;
    v_end integer;
    v_over integer;
begin
    first_character := 1;
    loop
        v_end := least(v_from + 8000, v_size);
        while v_end < v_size and get_byte(v_bytes, v_end) between 128 and 191 loop
            v_end := v_end + 1;
        end loop;
        v_over := least(v_end + 200, v_size);
        while v_over < v_size and get_byte(v_bytes, v_over) between 128 and 191 loop
            v_over := v_over + 1;
        end loop;
        passage := convert_from(substring(v_bytes from v_from + 1 for v_over - v_from), 'UTF8');
        return next;
        first_character := first_character
            + char_length(convert_from(substring(v_bytes from v_from + 1 for v_end - v_from), 'UTF8'));
        v_from := v_end;
        exit when v_from >= v_size;
    end loop;
end $$;

-- What the search finds of a text: its title and its passages, as words of the team's language. Whoever writes a text holds
-- its team, and whoever changes the team's language waits for him: so no text stays indexed in a language it no longer has.
create or replace function public.reports_words_of(p_language text, p_title text, p_content text)
returns table (first_character integer, words tsvector)
language sql stable parallel safe set search_path = pg_catalog, pg_temp
as $$
    select p.first_character, setweight(to_tsvector(p_language::regconfig, p_title), 'A')
        || setweight(to_tsvector(p_language::regconfig, p.passage), 'D')
    from public.reports_passages_of(p_content) p
$$;

create or replace function public.reports_daily_written() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.teams t where t.id in (select w.project_id from written w) for key share;
    if tg_op = 'UPDATE' then
        insert into public.report_revisions (workspace_id, daily_report_id, content, content_sha256, blob_sha256, blob_path,
            file_id, received_at)
        select o.workspace_id, o.id, o.content, o.content_sha256, o.blob_sha256, o.blob_path, o.file_id, o.received_at
        from was o join written w on w.id = o.id where w.content is distinct from o.content
        on conflict do nothing;
        delete from public.report_passages p using written w, was o
        where p.daily_report_id = w.id and o.id = w.id
          and (w.content, w.author_name, w.report_date, w.project_id)
            is distinct from (o.content, o.author_name, o.report_date, o.project_id);
    end if;
    insert into public.report_passages (workspace_id, project_id, daily_report_id, day, search_language, first_character,
        words)
    select w.workspace_id, w.project_id, w.id, w.report_date, t.search_language, p.first_character, p.words
    from written w
    join public.teams t on t.id = w.project_id
    cross join lateral public.reports_words_of(t.search_language, w.author_name, w.content) p
    where not exists (select from public.report_passages x where x.daily_report_id = w.id);
    return null;
end $$;

create or replace function public.reports_transcript_written() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform from public.teams t where t.id in (select w.project_id from written w) for key share;
    if tg_op = 'UPDATE' then
        insert into public.report_revisions (workspace_id, meeting_transcript_id, content, content_sha256, blob_sha256,
            blob_path, file_id, received_at)
        select o.workspace_id, o.id, o.content, o.content_sha256, o.blob_sha256, o.blob_path, o.file_id, o.received_at
        from was o join written w on w.id = o.id where w.content is distinct from o.content
        on conflict do nothing;
        delete from public.report_passages p using written w, was o
        where p.meeting_transcript_id = w.id and o.id = w.id
          and (w.content, w.title, w.transcript_date, w.project_id)
            is distinct from (o.content, o.title, o.transcript_date, o.project_id);
    end if;
    insert into public.report_passages (workspace_id, project_id, meeting_transcript_id, day, search_language,
        first_character, words)
    select w.workspace_id, w.project_id, w.id, w.transcript_date, t.search_language, p.first_character, p.words
    from written w
    join public.teams t on t.id = w.project_id
    cross join lateral public.reports_words_of(t.search_language, w.title, w.content) p
    where not exists (select from public.report_passages x where x.meeting_transcript_id = w.id);
    return null;
end $$;

-- The language of a team is a text search configuration of the database, by its name: a column of type regconfig would
-- stop pg_upgrade. Whoever names one that is not there hears PostgreSQL's own sentence.
create or replace function public.reports_language_known() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    perform new.search_language::regconfig;
    if tg_op = 'UPDATE' and new.search_language is distinct from old.search_language then
        perform from public.teams t where t.id = new.id for update;
    end if;
    return new;
end $$;

-- Another language: all texts of the team are indexed anew, in the same transaction.
create or replace function public.reports_language_changed() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if new.search_language = old.search_language then
        return null;
    end if;
    delete from public.report_passages p where p.project_id = new.id;
    insert into public.report_passages (workspace_id, project_id, daily_report_id, day, search_language, first_character,
        words)
    select d.workspace_id, d.project_id, d.id, d.report_date, new.search_language, p.first_character, p.words
    from public.daily_reports d
    cross join lateral public.reports_words_of(new.search_language, d.author_name, d.content) p
    where d.project_id = new.id;
    insert into public.report_passages (workspace_id, project_id, meeting_transcript_id, day, search_language,
        first_character, words)
    select m.workspace_id, m.project_id, m.id, m.transcript_date, new.search_language, p.first_character, p.words
    from public.meeting_transcripts m
    cross join lateral public.reports_words_of(new.search_language, m.title, m.content) p
    where m.project_id = new.id;
    return null;
end $$;

create or replace trigger teams_language_known before insert or update on public.teams
for each row execute function public.reports_language_known();
create or replace trigger teams_language_changed after update on public.teams
for each row execute function public.reports_language_changed();

create or replace trigger daily_reports_inserted after insert on public.daily_reports
referencing new table as written for each statement execute function public.reports_daily_written();
create or replace trigger daily_reports_updated after update on public.daily_reports
referencing old table as was new table as written for each statement execute function public.reports_daily_written();
create or replace trigger meeting_transcripts_inserted after insert on public.meeting_transcripts
referencing new table as written for each statement execute function public.reports_transcript_written();
create or replace trigger meeting_transcripts_updated after update on public.meeting_transcripts
referencing old table as was new table as written for each statement execute function public.reports_transcript_written();

-- A file that was received, or is to be read again, is a task in the same transaction; so is the end of an ingestion. One
-- that was counted already is counted anew.
create or replace function public.reports_file_received() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'UPDATE' then
        insert into public.task_queue (task_type, payload, workspace_id, max_attempts)
        select 'reports.ingest_file', jsonb_build_object('file_id', w.id), w.workspace_id, 5
        from written w join was o on o.id = w.id where w.status = 'received' and o.status <> 'received';
    else
        insert into public.task_queue (task_type, payload, workspace_id, max_attempts)
        select 'reports.ingest_file', jsonb_build_object('file_id', w.id), w.workspace_id, 5
        from written w where w.status = 'received';
    end if;
    update public.report_ingestions g set ended_at = null, version = nextval('rowmill.version')
    where g.ended_at is not null
      and g.id in (select w.ingestion_id from written w where w.status = 'received');
    return null;
end $$;

create or replace trigger report_files_inserted after insert on public.report_files
referencing new table as written for each statement execute function public.reports_file_received();
create or replace trigger report_files_updated after update on public.report_files
referencing old table as was new table as written for each statement execute function public.reports_file_received();

create or replace function public.reports_ingestion_closed() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.task_queue (task_type, payload, workspace_id, concurrency_key)
    values ('reports.finish_ingestion', jsonb_build_object('ingestion_id', new.id), new.workspace_id,
            'ingestion:' || new.id);
    return null;
end $$;

create or replace trigger report_ingestions_inserted after insert on public.report_ingestions
for each row when (new.closed_at is not null) execute function public.reports_ingestion_closed();
create or replace trigger report_ingestions_closed after update on public.report_ingestions
for each row when (new.closed_at is not null and new.ended_at is null
                   and (old.closed_at is null or old.ended_at is not null))
execute function public.reports_ingestion_closed();

-- The schedules that write a team's reports; those that are there stay as they are. Mondays at six: the digest and the
-- 1-on-1s of the week before. Every morning: the dashboard.
create or replace function public.reports_schedule(p_team uuid) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
    perform public.schedule_task('reports ' || y.report_type || ' ' || t.name, 'reports.generate', y.cron,
        jsonb_build_object('report_type', y.report_type, 'project_id', t.id), 'UTC', t.workspace_id)
    from public.teams t
    cross join (values ('weekly-digest', '0 6 * * 1'), ('1on1', '10 6 * * 1'), ('dashboard', '20 6 * * *'))
        as y (report_type, cron)
    where t.id = p_team
      and not exists (select from rowmill.schedules s where s.name = 'reports ' || y.report_type || ' ' || t.name);
end $$;
