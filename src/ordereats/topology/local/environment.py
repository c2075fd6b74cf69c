"""What the processes that we start are given of our own environment."""

import os
from collections.abc import Iterable

_EVERYONE_NEEDS = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ")


def inherited() -> dict[str, str]:
    """The variables that any program needs, as far as they are set here."""
    ours = os.environ  # noqa: TID251  # handed on, not read: no setting is taken from it here
    return {name: ours[name] for name in _EVERYONE_NEEDS if name in ours}


def inherited_but(owned: Iterable[str]) -> dict[str, str]:
    """All of our environment, without the variables named, nor the files that hold them.

    For our own programs.
    """
    ours = os.environ  # noqa: TID251  # as above
    left_out = {each for name in owned for each in (name, f"{name}_FILE")}
    return {name: value for name, value in ours.items() if name not in left_out}
