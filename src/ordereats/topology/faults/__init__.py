"""The fault proxy: makes the network between parts as bad as it is told, while they run."""
