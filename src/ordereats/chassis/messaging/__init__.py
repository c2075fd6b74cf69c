"""Events on their way: outbox, relay, bus, inbox."""
