-- A row that an older version of the program writes has no version: it keeps no order, as before.
alter table inbox add column version int;

comment on column inbox.version is 'of the subject, after the fact: what waits holds up later ones of its subject; null: it holds up none';

-- Few rows at any time: what is done is not in it, so there is one scan and hardly anything to sort.
-- Consumers wait for that, and requests never write here; a step can't do it concurrently.
-- squawk-ignore require-concurrent-index-creation
create index inbox_waiting on inbox (subject, consumer, version) where state = 'waiting';

alter table inbox set (autovacuum_analyze_scale_factor = 0.02); -- what waits may soon be far more
