What devices write: operations, and the rows they change. A column that an operation leaves out keeps what it has.

-- name: write_begin
-- Who acts is told to the triggers. Returns the transaction as the log will name it.
select set_config('rowmill.user_id', :user_id::text, true), set_config('lock_timeout', :lock_ms::int::text, true),
    (pg_current_xact_id()::text::bigint % 4294967296) as txid

-- name: write_operation
-- The fence of an operation: waits for a request with the same one that is under way.
with told as (select set_config('rowmill.command_id', :id::text, true))
insert into turn_operations (id, user_id, digest, answer)
select :id::text::uuid, :user_id::uuid, :digest::bytea, 'null'::jsonb from told
on conflict do nothing
returning id

-- name: write_before
-- What was answered before; null where the id belongs to another change.
select case when o.user_id = :user_id::uuid and o.digest = :digest::bytea then o.answer::text end as answer
from turn_operations o where o.id = :id::uuid

-- name: write_answered
update turn_operations o set answer = :answer::jsonb where o.id = :id::uuid

-- name: write_forgotten
-- The fence of what was refused or in conflict, which whoever waits at it tries anew.
delete from turn_operations o where o.id = :id::uuid returning o.id

-- name: write_property
-- Where a turn will belong.
select p.version, p.workspace_id, p.is_active as active, false as vendor,
    array_remove(array[p.property_manager_id, p.sr_property_manager_id], null) as managers
from properties p where p.id = :id::uuid

-- name: write_workspace
-- Where a row without a property belongs: the first workspace of its author.
select w.id from workspaces w
where :visible::uuid[] is null or w.id = any (:visible::uuid[])
order by w.id = '00000000-0000-4000-8000-000000000001' desc, w.id limit 1

-- name: properties.hold
select t.id, t.version, t.workspace_id, t.is_active as active, false as vendor,
    array_remove(array[t.property_manager_id, t.sr_property_manager_id], null) as managers
from properties t where t.id = any (:ids::uuid[]) order by t.id for no key update of t

-- name: vendors.hold
select t.id, t.version, t.workspace_id, t.is_active as active, false as vendor, array[]::uuid[] as managers
from vendors t where t.id = any (:ids::uuid[]) order by t.id for no key update of t

-- name: turn_stages.hold
select t.id, t.version, t.workspace_id, t.is_active as active, false as vendor, array[]::uuid[] as managers
from turn_stages t where t.id = any (:ids::uuid[]) order by t.id for no key update of t

-- name: turns.hold
select t.id, t.version, t.workspace_id, t.is_active as active,
    coalesce(lower(v.email) = lower(u.email), false) as vendor,
    array_remove(array[p.property_manager_id, p.sr_property_manager_id], null) as managers
from turns t
join properties p on p.id = t.property_id
left join vendors v on v.id = t.vendor_id
left join users u on u.id = :user_id::uuid
where t.id = any (:ids::uuid[]) order by t.id for no key update of t

-- name: properties.write_insert
insert into properties (id, workspace_id,
    property_id, name, street_address, city, state, zip_code, country, year_built, area_sqft, bedrooms, bathrooms,
    is_active, is_core, property_manager_id, sr_property_manager_id)
select :id::uuid, :workspace_id::uuid,
    n.property_id, n.name, n.street_address, n.city, n.state, n.zip_code, n.country, n.year_built, n.area_sqft,
    n.bedrooms, n.bathrooms, n.is_active, n.is_core, n.property_manager_id, n.sr_property_manager_id
from jsonb_populate_record(null::properties, :values::jsonb) n
returning id

-- name: properties.write_update
update properties t
set property_id = n.property_id, name = n.name, street_address = n.street_address, city = n.city, state = n.state,
    zip_code = n.zip_code, country = n.country, year_built = n.year_built, area_sqft = n.area_sqft, bedrooms =
    n.bedrooms, bathrooms = n.bathrooms, is_active = n.is_active, is_core = n.is_core, property_manager_id =
    n.property_manager_id, sr_property_manager_id = n.sr_property_manager_id
from properties o cross join lateral jsonb_populate_record(o, :values::jsonb) n
where t.id = :id::uuid and o.id = t.id
returning t.version

-- name: properties.write_delete
delete from properties t where t.id = :id::uuid returning t.id

-- name: vendors.write_insert
insert into vendors (id, workspace_id,
    name, email, phone, trade, is_active, is_approved)
select :id::uuid, :workspace_id::uuid,
    n.name, n.email, n.phone, n.trade, n.is_active, n.is_approved
from jsonb_populate_record(null::vendors, :values::jsonb) n
returning id

-- name: vendors.write_update
update vendors t
set name = n.name, email = n.email, phone = n.phone, trade = n.trade, is_active = n.is_active, is_approved =
    n.is_approved
from vendors o cross join lateral jsonb_populate_record(o, :values::jsonb) n
where t.id = :id::uuid and o.id = t.id
returning t.version

-- name: vendors.write_delete
delete from vendors t where t.id = :id::uuid returning t.id

-- name: turn_stages.write_insert
insert into turn_stages (id, workspace_id,
    name, display_order, color, is_amount_required, is_vendor_required, requires_approval, is_complete_stage,
    is_active)
select :id::uuid, :workspace_id::uuid,
    n.name, n.display_order, n.color, n.is_amount_required, n.is_vendor_required, n.requires_approval,
    n.is_complete_stage, n.is_active
from jsonb_populate_record(null::turn_stages, :values::jsonb) n
returning id

-- name: turn_stages.write_update
update turn_stages t
set name = n.name, display_order = n.display_order, color = n.color, is_amount_required = n.is_amount_required,
    is_vendor_required = n.is_vendor_required, requires_approval = n.requires_approval, is_complete_stage =
    n.is_complete_stage, is_active = n.is_active
from turn_stages o cross join lateral jsonb_populate_record(o, :values::jsonb) n
where t.id = :id::uuid and o.id = t.id
returning t.version

-- name: turn_stages.write_delete
delete from turn_stages t where t.id = :id::uuid returning t.id

-- name: turns.write_insert
insert into turns (id, workspace_id,
    turn_id, property_id, stage_id, wo_number, move_out_date, turn_amount, vendor_id, expected_completion_date,
    turn_completion_date, approval_status, is_active)
select :id::uuid, :workspace_id::uuid,
    n.turn_id, n.property_id, n.stage_id, n.wo_number, n.move_out_date, n.turn_amount, n.vendor_id,
    n.expected_completion_date, n.turn_completion_date, n.approval_status, n.is_active
from jsonb_populate_record(null::turns, :values::jsonb) n
returning id

-- name: turns.write_update
update turns t
set turn_id = n.turn_id, property_id = n.property_id, stage_id = n.stage_id, wo_number = n.wo_number, move_out_date
    = n.move_out_date, turn_amount = n.turn_amount, vendor_id = n.vendor_id, expected_completion_date =
    n.expected_completion_date, turn_completion_date = n.turn_completion_date, approval_status =
    n.approval_status, is_active = n.is_active
from turns o cross join lateral jsonb_populate_record(o, :values::jsonb) n
where t.id = :id::uuid and o.id = t.id
returning t.version

-- name: turns.write_delete
delete from turns t where t.id = :id::uuid returning t.id
