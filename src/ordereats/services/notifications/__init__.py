"""notifications: what was told to whom."""
