-- PostgreSQL cleans a table when a fifth of it is dead. These are emptied as fast as they are
-- filled, so that a fifth means nothing (outbox), or hold days of rows, so that it is too much.

alter table outbox set (
    fillfactor = 50, -- each row is claimed once: there is room for it in its page, so no index grows
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_vacuum_cost_delay = 0 -- with its usual pauses it never catches up with a backlog
);

alter table inbox set (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.02
);

alter table idempotency_keys set (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.02
);
