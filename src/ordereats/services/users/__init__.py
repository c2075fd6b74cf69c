"""users: people and their roles."""
