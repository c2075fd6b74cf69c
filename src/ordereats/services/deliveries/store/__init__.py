"""The SQL of deliveries, one statement a function."""
