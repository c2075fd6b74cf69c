"""Shows the calls of a process to its neighbours: how they end, and what keeps them from harm."""

from collections.abc import Sequence

import msgspec
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from ordereats.chassis.calls.breaker import State
from ordereats.chassis.calls.edges import Edges
from ordereats.chassis.calls.states import EdgeState, NeighbourState
from ordereats.chassis.telemetry.metrics import Families

_EDGE = ("callee", "kind")


async def families(edges: Edges) -> Families:
    """Counters of each edge, the state of its breaker, and what its neighbour's calls share."""
    states, neighbours = edges.states(), edges.neighbours()
    return [
        _outcomes(states),
        _breakers(states),
        _openings(states),
        *_rates(states),
        *_bulkheads(neighbours),
        *_budgets(neighbours),
    ]


def _outcomes(states: Sequence[EdgeState]) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "ordereats_calls",
        "Calls by how they ended: answered (a refusal is an answer), failed, refused by the"
        " breaker, full at the bulkhead, cancelled by the caller.",
        labels=(*_EDGE, "outcome"),
    )
    for edge in states:
        for outcome, count in msgspec.structs.asdict(edge.counts).items():
            family.add_metric((edge.callee, edge.kind, outcome), count)
    return family


def _breakers(states: Sequence[EdgeState]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "ordereats_breaker_state", "1 for the state that it is in.", labels=(*_EDGE, "state")
    )
    for edge in states:
        for state in State:
            family.add_metric((edge.callee, edge.kind, state.value), edge.breaker == state.value)
    return family


def _openings(states: Sequence[EdgeState]) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "ordereats_breaker_openings", "How often it has opened by itself.", labels=_EDGE
    )
    for edge in states:
        family.add_metric((edge.callee, edge.kind), edge.opened)
    return family


def _rates(states: Sequence[EdgeState]) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
    failed = GaugeMetricFamily(
        "ordereats_breaker_failure_ratio",
        "Of the calls that it judges by, the part that failed.",
        labels=_EDGE,
    )
    slow = GaugeMetricFamily(
        "ordereats_breaker_slow_ratio",
        "Of the calls that it judges by, the part that was slow.",
        labels=_EDGE,
    )
    for edge in states:
        failed.add_metric((edge.callee, edge.kind), edge.failure_rate)
        slow.add_metric((edge.callee, edge.kind), edge.slow_rate)
    return failed, slow


def _bulkheads(neighbours: Sequence[NeighbourState]) -> list[GaugeMetricFamily]:
    running = GaugeMetricFamily(
        "ordereats_bulkhead_running_calls", "Calls that are under way.", labels=("callee",)
    )
    waiting = GaugeMetricFamily(
        "ordereats_bulkhead_waiting_calls",
        "Calls that wait for one of these to end.",
        labels=("callee",),
    )
    limit = GaugeMetricFamily(
        "ordereats_bulkhead_limit_calls", "How many may be under way.", labels=("callee",)
    )
    for each in neighbours:
        running.add_metric((each.callee,), each.running)
        waiting.add_metric((each.callee,), each.waiting)
        limit.add_metric((each.callee,), each.limit)
    return [running, waiting, limit]


def _budgets(neighbours: Sequence[NeighbourState]) -> Families:
    tokens = GaugeMetricFamily(
        "ordereats_retry_budget_tokens",
        "What is left: a retry costs one, ten answers earn one.",
        labels=("callee",),
    )
    retries = CounterMetricFamily(
        "ordereats_retries",
        "Calls that would have been asked again: those that were, those that the budget denied.",
        labels=("callee", "outcome"),
    )
    for each in neighbours:
        tokens.add_metric((each.callee,), each.retry_tokens)
        retries.add_metric((each.callee, "made"), each.retries)
        retries.add_metric((each.callee, "denied"), each.retries_denied)
    return [tokens, retries]
