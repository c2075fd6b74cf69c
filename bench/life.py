"""Whole lives of orders in the whole monolith, at a steady rate: what each costs and how soon."""

from collections.abc import Sequence
from statistics import quantiles

import msgspec

WARM_UP = 200
"""Orders before those that count."""

# Commit times are PostgreSQL's own. The row of the Idempotency-Key commits with the order and is
# never changed after, and the inbox row commits with the consumer's effect.
_EFFECT_MS = """
select 1000 * extract(epoch from pg_xact_commit_timestamp(inbox.xmin)
                               - pg_xact_commit_timestamp(placed.xmin))::float8 as ms
from idempotency_keys as placed
join inbox on inbox.subject = 'order/' || (placed.body::json ->> 'id')
where placed.key like 'life-%' and inbox.consumer = $1 and inbox.type = $2
"""
_UNFINISHED = """
select (select count(*) from orders where status = 'pending')
     + (select count(*) from outbox) + (select count(*) from bus_message)
"""


class Spread(msgspec.Struct, frozen=True):
    """How long it took, in ms."""

    p50: float
    p99: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> "Spread":
        """Of all of these."""
        cuts = quantiles(times_ms, n=100)
        return cls(cuts[49], cuts[98])


class Life(msgspec.Struct, frozen=True):
    """What orders cost from being placed to being paid for and told about.

    Attributes:
        rate: orders a second, placed at fixed times whether or not earlier ones are answered.
        cpu_us: of each process for an order, by its name.
        answer: from the moment that the order was due to be sent.
        told: from the order's commit to the commit of its effect in notifications.
        paid: from the order's commit to the commit that makes it paid.
    """

    rate: int
    orders: int
    cpu_us: dict[str, float]
    answer: Spread
    told: Spread
    paid: Spread
