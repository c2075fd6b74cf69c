"""PostgreSQL: pool and transactions, migrations."""
