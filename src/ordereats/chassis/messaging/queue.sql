-- Made by the bus itself, under an advisory lock, whenever it connects: every statement is
-- idempotent, and a later version of this file may only add.

create table if not exists bus_route (
    queue text not null,
    type text not null,
    primary key (type, queue)
);

-- One row for each queue that an event goes to; `holder` has it until `due_at`. Rows live for
-- milliseconds, so the table is vacuumed by count, not by share, and `due_at` is in no index, so
-- that renewing a lease is cheap.
create table if not exists bus_message (
    position bigint generated always as identity,
    queue text not null,
    id uuid not null,
    type text not null,
    source text not null,
    subject text not null,
    version bigint not null,
    time timestamptz not null,
    correlation_id text not null,
    traceparent text,
    data bytea not null,
    holder uuid,
    handed_out int not null default 0,
    due_at timestamptz not null default now(),
    primary key (queue, position)
) with (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 50000
);

create index if not exists bus_message_of_subject on bus_message (queue, subject, position);

-- Few at any time, however many wait: what somebody holds is found without reading those.
create index if not exists bus_message_taken on bus_message (queue, subject, position)
where holder is not null;

create table if not exists bus_dead (
    position bigint generated always as identity primary key,
    buried_at timestamptz not null default now(),
    reason text not null,
    queue text not null,
    id uuid not null,
    type text not null,
    source text not null,
    subject text not null,
    version bigint not null,
    time timestamptz not null,
    correlation_id text not null,
    traceparent text,
    data bytea not null
);
