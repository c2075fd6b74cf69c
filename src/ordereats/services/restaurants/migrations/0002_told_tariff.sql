alter table restaurants add column told_version int, add column told_tariff jsonb;

comment on column restaurants.told_version is
'which was told last, with prices; null: none ever was';
comment on column restaurants.told_tariff is 'at which';
