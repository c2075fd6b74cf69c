"""orders: the order and its life."""
