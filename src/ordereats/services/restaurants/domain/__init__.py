"""Rules of restaurants. Pure: no I/O, no clock, no randomness."""
