"""What payments does: the provider is asked between transactions, never inside one."""
