"""The SQL of payments, one statement a function."""
