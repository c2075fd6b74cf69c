"""Which services there are, and what is known of them without loading any. Light to import."""

from collections.abc import Sequence
from importlib.util import find_spec

from ordereats.chassis.errors import Misconfigured

SERVICES = (
    "users",
    "restaurants",
    "orders",
    "payments",
    "kitchen",
    "deliveries",
    "notifications",
)
"""All of them, in the order in which they are started."""

PATHS = {"deliveries": ("deliveries", "couriers")}
"""The first parts of the paths that a service answers, where they are more than its name."""

CALLS = {"orders": ("users", "restaurants", "kitchen")}
"""Whom a service asks, as far as it asks any; known here without building it."""

ALL = "all"


def group(names: Sequence[str]) -> list[str]:
    """The services of a group as it was asked for: names, or `all`.

    Raises:
        Misconfigured: no such service, or not here: a slice of the platform has not all of them.
    """
    unknown = [name for name in names if name not in {*SERVICES, ALL}]
    if unknown or not names:
        known = ", ".join([*SERVICES, ALL])
        raise Misconfigured(f"There is no service {', '.join(unknown) or '…'}; there are: {known}.")
    wanted = [name for name in SERVICES if name in names or ALL in names]
    absent = [name for name in wanted if not find_spec(f"ordereats.services.{name}")]
    if absent:
        raise Misconfigured(f"There is no service {', '.join(absent)} here: this is a slice.")
    return wanted


def is_whole(names: Sequence[str]) -> bool:
    """Whether a group is the whole platform."""
    return len(names) == len(SERVICES)


def title(names: Sequence[str]) -> str:
    """What the API of these services is called; all of them are the platform."""
    parts = "" if is_whole(names) else f" {' + '.join(names)}"
    return f"OrderEats{parts}"


def process(names: Sequence[str]) -> str:
    """What a process of these services is called."""
    return "ordereats" if is_whole(names) else "+".join(names)


def owners(names: Sequence[str]) -> dict[str, str]:
    """Which of these services answers, by the first part of a path."""
    return {part: name for name in names for part in PATHS.get(name, (name,))}
