"""Names of events as people type them."""

from fnmatch import fnmatchcase


def means(pattern: str, wire_name: str) -> bool:
    """Whether a pattern means an event; `*` is anything.

    `ordereats.order.placed.v1` is also `order.placed`, so that `order.*` and `*.placed` mean it.
    """
    short = wire_name.removeprefix("ordereats.").rpartition(".")[0]
    return fnmatchcase(wire_name, pattern) or fnmatchcase(short, pattern)
