-- By which an order is taken when the service that would say so can't be asked.

create table known_customers (
    user_id bigint primary key,
    confirmed_at timestamptz not null default now()
);

comment on table known_customers is 'who has registered, as last heard';

create table known_menus (
    restaurant_id bigint primary key,
    version int not null,
    menu json not null,
    confirmed_at timestamptz not null
);

comment on table known_menus is 'by which baskets are priced and taken, as last heard';
comment on column known_menus.version is 'of what the restaurant says of itself';
comment on column known_menus.confirmed_at is
'when this was so for the last time that is known';

alter table orders add column fallbacks jsonb;

comment on column orders.fallbacks is 'what was taken as last known; null: nothing was';
