"""Whether and when a call is asked again: seldom, never all at once, and within a budget. Pure."""

from ordereats.chassis.backoff import Chance, full_jitter_s
from ordereats.chassis.errors import Unavailable

ATTEMPTS = 3
FIRST_PAUSE_S = 0.05
"""The longest pause before the second attempt: enough for a connection that was just closed, or a
process that hands over to its successor."""
LONGEST_PAUSE_S = 1.0


class RetryBudget:
    """Tokens: a retry costs one, ten answers earn one.

    So retries add a tenth to the load of a neighbour that fails now and then, and soon nothing to
    one that is down.

    Attributes:
        tokens: that are there.
        spent: retries so far.
        denied: retries that there was no token for.
    """

    MOST = 10.0
    EARNED = 0.1

    def __init__(self) -> None:
        """Begin full: a neighbour that restarts just after us is no reason to fail."""
        self.tokens = self.MOST
        self.spent = self.denied = 0

    def earn(self) -> None:
        """An answer came."""
        if self.tokens < self.MOST:
            # Ten times 0.1 has to be a whole token.
            self.tokens = min(self.MOST, round(self.tokens + self.EARNED, 6))

    def spend(self) -> bool:
        """Take a token for a retry, if there is one."""
        if self.tokens < 1:
            self.denied += 1
            return False
        self.tokens -= 1
        self.spent += 1
        return True


def pause_s(
    error: Unavailable, attempt: int, *, remaining_s: float, budget: RetryBudget, chance: Chance
) -> float | None:
    """How long to pause before asking again; None: don't.

    Who asks to be left alone says so in whole seconds. Nobody waits those out with a caller behind
    it: that one gets a fallback at once, or is told the same.

    Args:
        error: that the last attempt met.
        attempt: which that was, from 1.
        remaining_s: until the caller has to have an answer.
        budget: of the callee; pays.
        chance: for the pause.
    """
    if not error.retryable or error.told_s or attempt >= ATTEMPTS:
        return None
    pause = full_jitter_s(attempt, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, chance=chance)
    return pause if pause < remaining_s and budget.spend() else None
