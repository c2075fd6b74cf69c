"""The SQL of restaurants, one statement a function."""
