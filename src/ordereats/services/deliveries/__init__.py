"""deliveries: couriers, and who brings what."""
