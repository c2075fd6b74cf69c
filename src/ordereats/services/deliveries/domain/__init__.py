"""Rules of deliveries. Pure: no I/O, no clock, no randomness."""
