"""Whether this process and its database agree what time it is. It sets no clock.

Rules that carry weight go by the database's own time: deadlines, leases, offers, how long
something is known. Ours is on what people read, in events, and decides whether a restaurant is
open and how old a webhook is.
"""

from datetime import datetime

import structlog

from ordereats.chassis.background import Job
from ordereats.chassis.clock import Clock
from ordereats.chassis.db.pool import Database, one

log = structlog.get_logger(__name__)

MOST_S = 2.0
"""By how much they may differ before it is said: more than NTP leaves, less than anyone notices."""
EVERY_S = 60.0

_NOW = "select clock_timestamp() as now"


async def behind_s(database: Database, clock: Clock) -> float:
    """By how many seconds our clock is behind the database's; negative: ahead of it.

    The time that the answer takes is no difference: only what lies outside of it is.

    Raises:
        DatabaseError: it does not answer.
    """
    before = clock.now()
    theirs: datetime = one(await database.fetch_one(_NOW))["now"]
    after = clock.now()
    if theirs < before:
        return (theirs - before).total_seconds()
    return max(0.0, (theirs - after).total_seconds())


def told(difference_s: float) -> str:
    """The difference, for people."""
    way = "behind" if difference_s > 0 else "ahead of"
    return f"The clock here is {abs(difference_s):.1f} s {way} the database's"


class Skew:
    """The difference to one database, as it was last seen."""

    def __init__(self, name: str, database: Database, clock: Clock) -> None:
        self._name = name
        self._database = database
        self._clock = clock
        self._difference_s = 0.0

    def job(self) -> Job:
        """Looks once a minute, and says when it has become, or is no longer, more than it may."""
        return Job("clock", self.look, every_s=EVERY_S)

    async def look(self) -> bool:
        """Look once."""
        was_off = self._is_off
        self._difference_s = await behind_s(self._database, self._clock)
        if self._is_off and not was_off:
            log.warning("clock_differs", database=self._name, behind_s=round(self._difference_s, 1))
        if was_off and not self._is_off:
            log.info("clock_agrees", database=self._name)
        return False

    async def check(self) -> str:
        """What was wrong when it looked last; readiness asks no more of the database for it."""
        return told(self._difference_s) if self._is_off else ""

    @property
    def _is_off(self) -> bool:
        return abs(self._difference_s) > MOST_S
