"""Who is asked to bring what: the best pairing of waiting orders and free couriers. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import rustworkx

from ordereats.contracts.deliveries import Vehicle
from ordereats.contracts.ids import CourierId
from ordereats.contracts.places import Location
from ordereats.services.deliveries.domain.delivery import Delivery
from ordereats.services.deliveries.domain.times import way_s

LEAD = timedelta(minutes=1)
"""How long before they have to leave a courier is asked: about what an answer takes."""
FARTHEST_S = 1800.0
"""A courier is not asked to go farther than this to a restaurant."""
LAPSE_COSTS_S = 3600.0
"""Who let an offer lapse is asked again only when there is nobody else."""
MOST_LAPSES = 3
"""Who lets so many offers in a row lapse has forgotten to go offline: their shift ends."""


class Free(msgspec.Struct, frozen=True):
    """A courier who is online and has nothing to bring."""

    id: CourierId
    vehicle: Vehicle
    location: Location


class Candidate(msgspec.Struct, frozen=True):
    """A courier who may be asked.

    Attributes:
        way_m: how far it is to the restaurant; None: not known.
        lapses: how often they let an offer of this delivery lapse.
    """

    courier: Free
    way_m: float | None
    lapses: int

    @property
    def approach_s(self) -> float:
        """How long they need to the restaurant."""
        return way_s(self.way_m, self.courier.vehicle)


class Pair(msgspec.Struct, frozen=True):
    """Who is asked to bring what."""

    delivery: Delivery
    candidate: Candidate


def assign(waiting: Sequence[tuple[Delivery, Sequence[Candidate]]], *, now: datetime) -> list[Pair]:
    """Choose who is asked to bring what.

    As many as possible are asked, and of all ways to do that the one with the least cost in all is
    chosen (a maximum-weight matching). The first who is free is not always the right one: they may
    be the only one who is near to somebody else.

    An order for which nobody has to leave yet waits: see `leaves_at`.
    """
    pairs = [
        Pair(delivery, candidate)
        for delivery, candidates in waiting
        for candidate in _who_may_be_asked(delivery, candidates, now=now)
    ]
    nodes: dict[tuple[str, int], int] = {}
    graph: rustworkx.PyGraph[None, Pair] = rustworkx.PyGraph(multigraph=False)
    for pair in pairs:
        ends = [("delivery", pair.delivery.id), ("courier", pair.candidate.courier.id)]
        one, other = (
            nodes[end] if end in nodes else nodes.setdefault(end, graph.add_node(None))
            for end in ends
        )
        graph.add_edge(one, other, pair)
    matched = rustworkx.max_weight_matching(
        graph, max_cardinality=True, weight_fn=lambda pair: -round(cost_s(pair, now=now))
    )
    return [graph.get_edge_data(one, other) for one, other in sorted(matched)]


def cost_s(pair: Pair, *, now: datetime) -> float:
    """Seconds of travel, for the courier; of lateness, for the food; of idling, for the courier.

    Less what the food has waited already: where there are too many orders, the oldest goes first.
    """
    delivery, candidate = pair.delivery, pair.candidate
    until_ready_s = (delivery.ready_at - now).total_seconds()
    cooking_s = 0.0 if delivery.is_ready else max(0.0, until_ready_s)
    waited_s = max(0.0, -until_ready_s)
    travel_s = candidate.approach_s + way_s(delivery.way_m, candidate.courier.vehicle)
    late_or_idle_s = abs(candidate.approach_s - cooking_s)
    return travel_s + late_or_idle_s - waited_s + candidate.lapses * LAPSE_COSTS_S


def leaves_at(delivery: Delivery, candidates: Sequence[Candidate], *, now: datetime) -> datetime:
    """When the nearest courier has to leave, so that food and courier wait for neither."""
    if delivery.is_ready:
        return now
    nearest_s = min((each.approach_s for each in candidates), default=0.0)
    return delivery.ready_at - timedelta(seconds=nearest_s) - LEAD


def _who_may_be_asked(
    delivery: Delivery, candidates: Sequence[Candidate], *, now: datetime
) -> list[Candidate]:
    near = [each for each in candidates if each.approach_s <= FARTHEST_S]
    return near if leaves_at(delivery, near, now=now) <= now else []
