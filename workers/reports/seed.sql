-- D2.5: two organisations, four teams, three report types, and the schedules that write the reports. By name, so that a
-- second time adds nothing and what a person has renamed or rescheduled stays. D2 does not say which team belongs where:
-- the two that are products of their own are with the ventures.

insert into organizations (name) values ('Full Scale'), ('Full Scale Ventures') on conflict do nothing;

insert into teams (organization_id, name)
select o.id, t.name
from (values ('Full Scale', 'rocks'), ('Full Scale', 'timeclock'), ('Full Scale Ventures', 'engagepath'),
             ('Full Scale Ventures', 'ai-coach')) as t (organization, name)
join organizations o on o.name = t.organization and o.workspace_id = rowmill.default_workspace()
on conflict do nothing;

insert into report_types (name, description)
values ('1on1', 'What one employee did in a week, for a talk with the lead.'),
       ('dashboard', 'Who reported on which day, and what has come in.'),
       ('weekly-digest', 'What a team did, met about and captured in a week.')
on conflict do nothing;

select reports_schedule(t.id)
from teams t
join organizations o on o.id = t.organization_id
where t.workspace_id = rowmill.default_workspace() and o.name in ('Full Scale', 'Full Scale Ventures')
  and t.name in ('rocks', 'timeclock', 'engagepath', 'ai-coach');
