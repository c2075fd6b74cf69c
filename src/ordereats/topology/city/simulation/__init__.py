"""Customers, kitchens and couriers who play a day in the invented city, in simulated minutes."""
