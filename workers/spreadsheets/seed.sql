-- Example rows for development: a sheet with names and e-mail addresses as people type them, and two columns that the
-- robots fill in as soon as a worker runs. Ids are fixed, so that a second run adds nothing.

insert into users (id, external_id, email, first_name)
values ('00000000-0000-4000-8000-00000000a001', 'seed', 'ada@example.com', 'Ada')
on conflict do nothing;

insert into spreadsheets (id, name, description, owner_id)
select '00000000-0000-4000-8000-00000000b001', 'Contacts', 'Example rows of rowmill db seed', u.id
from users u where u.email = 'ada@example.com'
on conflict do nothing;

insert into sheet_columns (id, spreadsheet_id, position, title, operator, config)
select c.id::uuid, '00000000-0000-4000-8000-00000000b001', c.position, c.title, c.operator, c.config::jsonb
from (values
    ('00000000-0000-4000-8000-00000000c001', 1, 'Name', null, '{}'),
    ('00000000-0000-4000-8000-00000000c002', 2, 'E-mail', null, '{}'),
    ('00000000-0000-4000-8000-00000000c003', 3, 'Full name', 'spreadsheets.transform',
     '{"steps": [{"op": "trim"}, {"op": "case", "to": "title"}], "locale": "en_US"}'),
    ('00000000-0000-4000-8000-00000000c004', 4, 'E-mail address', 'spreadsheets.transform',
     '{"steps": [{"op": "email"}], "locale": "en_US"}')) as c (id, position, title, operator, config)
on conflict do nothing;

insert into column_inputs (column_id, ordinal, input_column_id)
values
    ('00000000-0000-4000-8000-00000000c003', 1, '00000000-0000-4000-8000-00000000c001'),
    ('00000000-0000-4000-8000-00000000c004', 1, '00000000-0000-4000-8000-00000000c002')
on conflict do nothing;

insert into cells (spreadsheet_id, column_id, row_number, content)
select '00000000-0000-4000-8000-00000000b001', c.column_id::uuid, c.row_number, c.content
from (values
    ('00000000-0000-4000-8000-00000000c001', 1, '  ada LOVELACE '),
    ('00000000-0000-4000-8000-00000000c002', 1, 'Ada@Example.COM'),
    ('00000000-0000-4000-8000-00000000c001', 2, 'grace hopper'),
    ('00000000-0000-4000-8000-00000000c002', 2, 'grace hopper at example com'),
    ('00000000-0000-4000-8000-00000000c001', 3, 'EDSGER DIJKSTRA'),
    ('00000000-0000-4000-8000-00000000c002', 3, ' edsger@example.org')) as c (column_id, row_number, content)
on conflict do nothing;
