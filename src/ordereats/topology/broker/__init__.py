"""RabbitMQ as it is operated: all that it must have, how it gets it, and whether it has it."""
