-- One set of these tables in each database, however many services share it.

create table outbox (
    position bigint generated always as identity primary key,
    id uuid not null unique,
    type text not null,
    source text not null,
    subject text not null,
    version int not null,
    time timestamptz not null,
    correlation_id text not null,
    traceparent text,
    data json not null,
    due_at timestamptz not null default now(),
    lease uuid,
    attempts int not null default 0,
    last_error text
);

comment on table outbox is 'facts that are true and not yet published; a row goes when the broker has it';
comment on column outbox.due_at is 'when it may be claimed: now, after the lease that holds it, or after a pause';

create index outbox_subject on outbox (subject, position);

create table inbox (
    consumer text not null,
    message_id uuid not null,
    type text not null,
    subject text not null,
    state text not null check (state in ('done', 'waiting', 'parked')),
    attempts int not null default 0,
    due_at timestamptz,
    last_error text,
    message json,
    received_at timestamptz not null default now(),
    handled_at timestamptz,
    primary key (consumer, message_id),
    check (state = 'done' or message is not null)
);

comment on table inbox is 'what each consumer has received: a message here is never handled twice';

create index inbox_due on inbox (due_at) where state = 'waiting';
create index inbox_parked on inbox (consumer, received_at) where state = 'parked';
create index inbox_handled on inbox (handled_at) where state = 'done';

create table idempotency_keys (
    scope text not null,
    key text not null,
    fingerprint bytea not null,
    body text not null,
    created_at timestamptz not null default now(),
    primary key (scope, key)
);

comment on table idempotency_keys is 'first answers to POSTs with an Idempotency-Key, for a day';

create index idempotency_keys_age on idempotency_keys (created_at);
