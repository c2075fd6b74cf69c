-- Zero: of what an older version of the program has heard; any version takes its place.
alter table notified_about add column version int not null default 0;

comment on column notified_about.version is 'of the restaurant when it said so: what is older changes nothing';
