"""Whether a database takes changes, by what it answered last. It asks nothing by itself."""

from time import monotonic

import asyncpg
import structlog

log = structlog.get_logger(__name__)

REFUSALS: dict[type[Exception], str] = {
    asyncpg.DiskFullError: "disk full",
    asyncpg.ReadOnlySQLTransactionError: "read-only",
}
"""What it answers then, and the reason in a word or two."""

TOLD_EVERY_S = 60.0
"""The log has it once in that time, however many requests meet it."""
FORGOTTEN_AFTER_S = 60.0
"""Where nobody tries any more, nothing is known of it either."""


class Changes:
    """What is known of one database."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._reason = ""
        self._refused_at = 0.0
        self._told_at: float | None = None
        self._untold = 0

    @property
    def refused(self) -> str:
        """Why it takes none; empty if it does, as far as is known."""
        if self._reason and monotonic() - self._refused_at > FORGOTTEN_AFTER_S:
            self.taken()
        return self._reason

    def refuse(self, error: Exception) -> str:
        """It has refused one; returns the reason in a word or two."""
        self._reason, self._refused_at = REFUSALS[type(error)], monotonic()
        self._untold += 1
        if self._told_at is None or self._refused_at - self._told_at >= TOLD_EVERY_S:
            self._told_at = self._refused_at
            times, self._untold = self._untold, 0
            log.error(
                "database_takes_no_changes",
                database=self._name,
                reason=self._reason,
                times=times,
                error=f"{type(error).__name__}: {error.args[0] if error.args else ''}",
            )
        return self._reason

    def taken(self) -> None:
        """It has taken one again, of a kind that needs room."""
        log.info("database_takes_changes", database=self._name, was=self._reason)
        self._reason = ""

    async def check(self) -> str:
        """What is wrong, for readiness."""
        return self.refused
