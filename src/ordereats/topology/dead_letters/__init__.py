"""Messages that could not be handled: parked in an inbox, or among the broker's dead letters."""
