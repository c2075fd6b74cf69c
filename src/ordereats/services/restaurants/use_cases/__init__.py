"""What restaurants does: one function, one transaction."""
