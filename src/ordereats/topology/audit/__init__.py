"""Checks what must always hold, over all databases and the provider's ledger. It mends nothing."""
