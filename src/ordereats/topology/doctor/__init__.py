"""Says what is wrong with a set-up. It reads, and changes nothing."""
