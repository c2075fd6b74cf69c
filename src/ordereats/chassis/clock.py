"""Time and identity, passed in, so that a test can hold them."""

from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import uuid_utils.compat


class Clock(Protocol):
    """What the world gives a service: the time of day, and new names."""

    def now(self) -> datetime:
        """The time, in UTC with its zone."""
        ...

    def new_id(self) -> UUID:
        """A UUIDv7: unique, and sorted by time."""
        ...


class SystemClock:
    """The machine's own."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  # here the clock is made

    def new_id(self) -> UUID:
        return uuid_utils.compat.uuid7()
