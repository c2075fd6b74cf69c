"""payments: the money of an order, and the provider that moves it."""
