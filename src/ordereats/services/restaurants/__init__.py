"""restaurants: who cooks, where and when, and what it costs."""
