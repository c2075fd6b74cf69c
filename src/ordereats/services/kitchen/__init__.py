"""kitchen: what each restaurant has to accept, cook and hand over."""
