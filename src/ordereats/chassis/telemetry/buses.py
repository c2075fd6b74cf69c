"""Shows what the bus of a process says of itself."""

from prometheus_client.metrics_core import GaugeMetricFamily

from ordereats.chassis.messaging.bus import Bus, BusState
from ordereats.chassis.telemetry.metrics import Families


async def families(bus: Bus) -> Families:
    """One gauge: 1 for the state that it is in."""
    state = GaugeMetricFamily(
        "ordereats_bus_state",
        "Whether the broker takes messages (up), refuses them (blocked) or is away (down).",
        labels=("state",),
    )
    for each in BusState:
        state.add_metric((each.value,), bus.state is each)
    return [state]
