"""The tables of the sandbox's file, step by step: an older file is brought up to date."""

_FIRST = """
begin immediate;
create table intents (
    sequence integer primary key autoincrement,
    id text not null unique,
    state blob not null
) strict;
create table refunds (
    id text primary key,
    state blob not null
) strict, without rowid;
create table entries (
    sequence integer primary key autoincrement,
    kind text not null,
    payment_intent text not null,
    amount integer not null,
    currency text not null,
    metadata blob not null,
    order_id text,
    idempotency_key text,
    at text not null
) strict;
create index entries_by_order on entries (order_id);
create table answers (
    key text primary key,
    request blob not null,
    status integer not null,
    body blob not null
) strict;
pragma user_version = 1;
commit;
"""
_SEARCH_AND_WEBHOOKS = """
begin immediate;
create table marks (
    name text not null,
    value text not null,
    intent text not null,
    primary key (name, value, intent)
) strict, without rowid;
insert into marks
select each.key, each.value, intents.id
from intents, json_each(cast(intents.state as text), '$.metadata') as each;
alter table refunds add column intent text;
update refunds set intent = json_extract(cast(state as text), '$.intent');
create index refunds_by_intent on refunds (intent, id);
create table events (
    sequence integer primary key autoincrement,
    id text not null unique,
    body blob not null,
    attempts integer not null default 0,
    due_at real
) strict;
create index events_due on events (due_at) where due_at is not null;
pragma user_version = 2;
commit;
"""

STEPS = (_FIRST, _SEARCH_AND_WEBHOOKS)
VERSION = len(STEPS)
