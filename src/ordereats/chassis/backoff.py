"""Pauses between attempts: they double up to a limit, and chance keeps callers apart. Pure."""

import random
from collections.abc import Callable

Chance = Callable[[], float]
"""Gives a number from 0 up to, and without, 1; `random.random` does."""


def full_jitter_s(
    attempt: int, *, first_s: float, longest_s: float, chance: Chance = random.random
) -> float:
    """A pause of anything up to the whole: for many who failed at the same moment.

    Spread over all of the time they load a callee that comes back the least (Marc Brooker,
    "Exponential Backoff and Jitter", 2015). A pause may be next to nothing: something else has to
    bound the attempts.

    Args:
        attempt: that failed, from 1.
        first_s: the longest pause after the first.
        longest_s: the longest pause of all.
        chance: where in between it lies.
    """
    return _grown_s(attempt, first_s=first_s, longest_s=longest_s) * chance()


def equal_jitter_s(
    attempt: int, *, first_s: float, longest_s: float, chance: Chance = random.random
) -> float:
    """A pause of at least half: for who tries for ever, where next to no pause would be a spin.

    Until the longest, each pause is at least as long as the one before.

    Args:
        attempt: that failed, from 1.
        first_s: the longest pause after the first.
        longest_s: the longest pause of all.
        chance: where between half and the whole it lies.
    """
    return _grown_s(attempt, first_s=first_s, longest_s=longest_s) * (1 + chance()) / 2


def up_to_twice_s(least_s: float, *, chance: Chance = random.random) -> float:
    """A pause from so long up to twice as long: for who knows when to come back, as others do.

    Args:
        least_s: the shortest pause.
        chance: how much longer it is.
    """
    return least_s * (1 + chance())


def _grown_s(attempt: int, *, first_s: float, longest_s: float) -> float:
    """The pause after an attempt, from 1, before chance has its say."""
    # 2 ** 60 first pauses are longer than any limit; a float ends at 2 ** 1023.
    return min(longest_s, first_s * 2.0 ** min(attempt - 1, 60))
