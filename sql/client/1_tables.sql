-- The client's tables for PGlite: the server's columns, and the document's sync columns. May run any number of times.
--
-- No column but the key must be there and none is unique: a shape may leave columns out, and a row of the server that
-- met a local one of the same name would take its whole batch along (the sync drops a batch that fails).

create table if not exists properties (
    id uuid primary key,
    created_at timestamptz,
    updated_at timestamptz,
    version integer,
    created_by uuid,
    updated_by uuid,
    property_id text,
    name text,
    street_address text,
    city text,
    state text,
    zip_code text,
    country text,
    year_built integer,
    area_sqft integer,
    bedrooms numeric(3, 1),
    bathrooms numeric(3, 1),
    is_active boolean,
    is_core boolean,
    property_manager_id uuid,
    sr_property_manager_id uuid,
    _synced boolean not null default true,
    _sent_to_server boolean not null default false,
    _deleted boolean not null default false,
    _new boolean not null default false,
    _modified_columns text[],
    _local_modified_at timestamptz not null default clock_timestamp(),
    _conflict_resolution text,
    _conflict_data jsonb,
    _sync_error text,
    _sync_retries integer not null default 0,
    _last_sync_attempt timestamptz,
    _modified_at jsonb not null default '{}',
    _base jsonb,
    _remote jsonb,
    _operation jsonb
);
create index if not exists idx_properties_synced on properties (_synced);
create index if not exists idx_properties_sent on properties (_sent_to_server);
create index if not exists idx_properties_unsynced on properties (_synced) where not _synced;
create index if not exists idx_properties_errors on properties (_sync_error) where _sync_error is not null;

create table if not exists vendors (
    id uuid primary key,
    created_at timestamptz,
    updated_at timestamptz,
    version integer,
    created_by uuid,
    updated_by uuid,
    name text,
    email text,
    phone text,
    trade text,
    is_active boolean,
    is_approved boolean,
    _synced boolean not null default true,
    _sent_to_server boolean not null default false,
    _deleted boolean not null default false,
    _new boolean not null default false,
    _modified_columns text[],
    _local_modified_at timestamptz not null default clock_timestamp(),
    _conflict_resolution text,
    _conflict_data jsonb,
    _sync_error text,
    _sync_retries integer not null default 0,
    _last_sync_attempt timestamptz,
    _modified_at jsonb not null default '{}',
    _base jsonb,
    _remote jsonb,
    _operation jsonb
);
create index if not exists idx_vendors_synced on vendors (_synced);
create index if not exists idx_vendors_sent on vendors (_sent_to_server);
create index if not exists idx_vendors_unsynced on vendors (_synced) where not _synced;
create index if not exists idx_vendors_errors on vendors (_sync_error) where _sync_error is not null;

create table if not exists turn_stages (
    id uuid primary key,
    created_at timestamptz,
    updated_at timestamptz,
    version integer,
    created_by uuid,
    updated_by uuid,
    name text,
    display_order integer,
    color text,
    is_amount_required boolean,
    is_vendor_required boolean,
    requires_approval boolean,
    is_complete_stage boolean,
    is_active boolean,
    _synced boolean not null default true,
    _sent_to_server boolean not null default false,
    _deleted boolean not null default false,
    _new boolean not null default false,
    _modified_columns text[],
    _local_modified_at timestamptz not null default clock_timestamp(),
    _conflict_resolution text,
    _conflict_data jsonb,
    _sync_error text,
    _sync_retries integer not null default 0,
    _last_sync_attempt timestamptz,
    _modified_at jsonb not null default '{}',
    _base jsonb,
    _remote jsonb,
    _operation jsonb
);
create index if not exists idx_turn_stages_synced on turn_stages (_synced);
create index if not exists idx_turn_stages_sent on turn_stages (_sent_to_server);
create index if not exists idx_turn_stages_unsynced on turn_stages (_synced) where not _synced;
create index if not exists idx_turn_stages_errors on turn_stages (_sync_error) where _sync_error is not null;

create table if not exists turns (
    id uuid primary key,
    created_at timestamptz,
    updated_at timestamptz,
    version integer,
    created_by uuid,
    updated_by uuid,
    turn_id text,
    property_id uuid,
    stage_id uuid,
    wo_number text,
    move_out_date date,
    turn_amount numeric(10, 2),
    approved_turn_amount numeric(10, 2),
    vendor_id uuid,
    expected_completion_date date,
    turn_completion_date date,
    approval_status text,
    is_active boolean,
    _synced boolean not null default true,
    _sent_to_server boolean not null default false,
    _deleted boolean not null default false,
    _new boolean not null default false,
    _modified_columns text[],
    _local_modified_at timestamptz not null default clock_timestamp(),
    _conflict_resolution text,
    _conflict_data jsonb,
    _sync_error text,
    _sync_retries integer not null default 0,
    _last_sync_attempt timestamptz,
    _modified_at jsonb not null default '{}',
    _base jsonb,
    _remote jsonb,
    _operation jsonb
);
create index if not exists idx_turns_synced on turns (_synced);
create index if not exists idx_turns_sent on turns (_sent_to_server);
create index if not exists idx_turns_unsynced on turns (_synced) where not _synced;
create index if not exists idx_turns_errors on turns (_sync_error) where _sync_error is not null;
