"""When a restaurant takes orders: one rule, for it and for who has a copy of its hours. Pure."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from ordereats.contracts.problems import Refused


class Opening(Struct, frozen=True, rename="camel"):
    """A time in which orders are taken, in UTC; its end does not belong to it."""

    opens: datetime
    closes: datetime


class Closed(Refused, code="closed"):
    """It takes no orders now; `opensAt` is the next moment in which it does, if that is known."""

    def __init__(self, said: str, opens_at: datetime | None) -> None:
        super().__init__(said, opensAt=opens_at)


class Paused(Closed, code="paused"):
    """It takes no orders for a while, though it would by its hours."""


def opens_next(openings: Sequence[Opening], earliest: datetime) -> datetime | None:
    """When the span that runs at a moment opened, or the next one opens; None: not known.

    Args:
        openings: in the order of their beginnings; they may touch and overlap.
        earliest: the moment.
    """
    return next((each.opens for each in openings if each.closes > earliest), None)


def takes_orders_at(
    *, has_hours: bool, opens: datetime | None, paused_until: datetime | None, now: datetime
) -> datetime | None:
    """The first moment from now on in which orders are taken; None: not known.

    Args:
        has_hours: one that has given none is always open.
        opens: when the span that runs or comes next opens, as of now or of the end of its pause.
        paused_until: the end of its pause, which may be over.
        now: the moment that is asked about.
    """
    earliest = max(now, paused_until or now)
    if not has_hours:
        return earliest
    return None if opens is None else max(earliest, opens)


def check_open(
    name: str, opens_at: datetime | None, *, paused_until: datetime | None, now: datetime
) -> None:
    """Refuse an order that comes at the wrong time.

    Args:
        name: of the restaurant.
        opens_at: as `takes_orders_at` says.
        paused_until: the end of its pause, which may be over.
        now: when the order comes.

    Raises:
        Paused: until a moment that the restaurant has named.
        Closed: by its hours.
    """
    if opens_at == now:
        return
    if paused_until is not None and paused_until > now:
        raise Paused(f"{name} has paused.", opens_at)
    raise Closed(f"{name} is closed.", opens_at)
