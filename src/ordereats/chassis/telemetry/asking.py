"""Asks a database for a scrape: with little patience, and without spoiling what others say."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from ordereats.chassis import context
from ordereats.chassis.context import Context
from ordereats.chassis.errors import DatabaseError, Unavailable

T = TypeVar("T")

PATIENCE_S = 1.0
"""A scrape waits no longer for databases that are down."""


async def asked(ask: Callable[[], Awaitable[T]]) -> T | None:
    """What a database says; None where it does not answer in time, which is not 0."""
    deadline = monotonic() + PATIENCE_S
    with context.entered(Context(context.current().correlation_id, deadline=deadline)):
        try:
            return await ask()
        except (DatabaseError, Unavailable):
            return None
