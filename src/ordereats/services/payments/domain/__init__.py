"""Rules of the money of an order: the lives of payments and refunds, and the ledger. Pure."""
