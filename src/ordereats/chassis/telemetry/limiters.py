"""Shows how much there is to do in a process, and whom its front door turned away."""

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from ordereats.chassis.http.shedding import Limiter
from ordereats.chassis.telemetry.metrics import Families


async def families(limiter: Limiter) -> Families:
    """The limit and how full it is, and what became of the requests of each priority."""
    state = limiter.state()
    requests = CounterMetricFamily(
        "ordereats_limiter_requests",
        "Requests that were let in or shed, by their priority.",
        labels=("priority", "outcome"),
    )
    for each in state.priorities:
        requests.add_metric((each.priority.value, "admitted"), each.admitted)
        requests.add_metric((each.priority.value, "shed"), each.shed)
    return [
        GaugeMetricFamily(
            "ordereats_limiter_limit_requests",
            "How many requests may be at work at once.",
            state.limit,
        ),
        GaugeMetricFamily(
            "ordereats_limiter_running_requests",
            "How many are; who waits for a neighbour is not counted.",
            state.in_flight,
        ),
        GaugeMetricFamily(
            "ordereats_limiter_slowness_ratio",
            "How long requests take, by how long they may; the limit falls above 1.",
            state.slowness,
        ),
        requests,
    ]
