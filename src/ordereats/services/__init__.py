"""The services: each written once, knowing nothing of the company that it runs in."""
