"""Which services run together, and what they run on."""
