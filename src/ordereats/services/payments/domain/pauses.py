"""How long the provider is left alone after it gave no answer. Pure."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


def pause_s(attempts: int, *, share: float) -> float:
    """How long to leave the provider alone after so many attempts.

    Args:
        attempts: made so far, from 1.
        share: from 0 to 1, by chance, so that not everyone comes back at once.
    """
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 10))
    return longest * (0.5 + share / 2)
