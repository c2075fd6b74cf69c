"""restaurants: who cooks."""
