"""What deliveries does: each function is one transaction."""
