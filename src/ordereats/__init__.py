"""OrderEats: a food-delivery platform that runs as a monolith and as microservices."""
