"""What the processes of a platform know of an order or a trace, put together."""
