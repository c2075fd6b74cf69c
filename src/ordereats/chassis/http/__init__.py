"""HTTP in: the app, problem documents, idempotency keys, health."""
