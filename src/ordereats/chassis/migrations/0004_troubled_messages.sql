-- For an order's story: what did not go well at once, by what it is about. That is few rows, and a
-- message that is received and handled is never in it, so that receiving costs what it did.
-- Consumers wait for the scan, and requests never write here; a step can't do it concurrently.
-- squawk-ignore require-concurrent-index-creation
create index inbox_troubled on inbox (subject) where attempts > 1 or state <> 'done';
