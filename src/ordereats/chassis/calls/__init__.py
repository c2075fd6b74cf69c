"""Calls to other services: typed, each with a deadline, in process or over HTTP."""
