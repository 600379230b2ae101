What is kept of calls to a language model: a budget of tokens for each sheet, each call with what it has cost, and answers.

-- name: language_answer
select i.ord, a.answer, a.model, a.tokens
from unnest(:spreadsheet_id::uuid[], :prompt_hash::text[]) with ordinality as i (spreadsheet_id, prompt_hash, ord)
join spreadsheets s on s.id = i.spreadsheet_id
join language_answers a on a.workspace_id = s.workspace_id and a.prompt_hash = i.prompt_hash

-- name: language_call
select i.ord, c.granted from unnest(:call_id::uuid[]) with ordinality as i (call_id, ord)
join language_calls c on c.id = i.call_id

-- name: reserve_tokens
-- Decided one after the other behind the locked budgets (triggers.sql): whoever is refused has taken nothing.
select spreadsheets_reserve_tokens(:call_id::uuid[], :spreadsheet_id::uuid[], :cell_id::uuid[], :tokens::bigint[],
    :default_budget::bigint[], :task_id::uuid[], :run_no::bigint[])

-- name: settle_tokens
select spreadsheets_settle_tokens(:call_id::uuid[], :tokens::bigint[])

-- name: keep_answer
insert into language_answers (workspace_id, prompt_hash, answer, model, tokens)
select distinct on (s.workspace_id, e.prompt_hash) s.workspace_id, e.prompt_hash, e.answer, e.model, e.tokens
from unnest(:spreadsheet_id::uuid[], :prompt_hash::text[], :answer::text[], :model::text[], :tokens::bigint[])
    as e (spreadsheet_id, prompt_hash, answer, model, tokens)
join spreadsheets s on s.id = e.spreadsheet_id
order by s.workspace_id, e.prompt_hash
on conflict do nothing

-- name: set_budget
insert into sheet_budgets as b (spreadsheet_id, tokens)
select * from unnest(:spreadsheet_id::uuid[], :tokens::bigint[])
on conflict (spreadsheet_id) do update set tokens = excluded.tokens, updated_at = now()

-- name: set_budget.audit
insert into sheet_edit_events (spreadsheet_id, action, after, user_id, task_id, run_no, command_id)
select e.spreadsheet_id, 'budget_set', jsonb_build_object('tokens', e.tokens), e.user_id, e.task_id, e.run_no, e.command_id
from unnest(:spreadsheet_id::uuid[], :tokens::bigint[], :user_id::uuid[], :task_id::uuid[], :run_no::bigint[],
            :command_id::uuid[]) as e (spreadsheet_id, tokens, user_id, task_id, run_no, command_id)

-- name: http_budget
select b.tokens, coalesce(b.used, 0) as used
from (select 1) one left join sheet_budgets b on b.spreadsheet_id = :spreadsheet_id::uuid

-- name: http_prompts
-- The rows that a column would ask about, in pieces: what its inputs hold, by ordinal.
select r.row_number, array(
        select spreadsheets_read_value(c.content, c.formatted_content, c.cell_type, c.is_formula)
        from unnest(:input_ids::uuid[]) with ordinality as p (id, ordinal)
        left join cells c on c.column_id = p.id and c.row_number = r.row_number
        order by p.ordinal) as inputs
from (select distinct c.row_number
      from cells c
      where c.column_id = any (:input_ids::uuid[]) and c.row_number > :after_row::int
        and (c.content is not null or c.is_formula)
        and (:ranges::text is null or c.row_number <@ (:ranges::text)::int4multirange)
      order by c.row_number limit :most::int) r
order by r.row_number

-- name: http_answered
select a.prompt_hash
from language_answers a join spreadsheets s on s.workspace_id = a.workspace_id
where s.id = :spreadsheet_id::uuid and a.prompt_hash = any (:prompt_hashes::text[])
