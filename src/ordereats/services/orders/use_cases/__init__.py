"""What orders does: remote calls first, then one transaction."""
