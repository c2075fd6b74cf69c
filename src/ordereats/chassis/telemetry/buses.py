"""Shows what the bus of a process says of itself."""

from prometheus_client.metrics_core import GaugeMetricFamily

from ordereats.chassis.messaging.bus import Bus, BusState
from ordereats.chassis.telemetry.metrics import Families


async def families(bus: Bus) -> Families:
    """Its state, and each queue that is consumed here."""
    state = GaugeMetricFamily(
        "ordereats_bus_state",
        "Whether the broker takes messages (up), refuses them (blocked) or is away (down).",
        labels=("state",),
    )
    for each in BusState:
        state.add_metric((each.value,), bus.state is each)
    up = GaugeMetricFamily(
        "ordereats_bus_consumer_up",
        "Whether the broker hands out this queue's messages to this process.",
        labels=("queue",),
    )
    in_hand = GaugeMetricFamily(
        "ordereats_bus_messages_in_hand",
        "Messages of this queue that this process was handed and has not answered.",
        labels=("queue",),
    )
    for consumer in bus.consumers():
        up.add_metric((consumer.queue,), consumer.is_consuming)
        in_hand.add_metric((consumer.queue,), consumer.in_hand)
    return [state, up, in_hand]


async def health(bus: Bus) -> str:
    """What is wrong with it, in a few words; empty if nothing is."""
    wrong = [] if bus.state is BusState.UP else [bus.state.value]
    if unheard := [each.queue for each in bus.consumers() if not each.is_consuming]:
        wrong.append(f"no consumer: {', '.join(unheard)}")
    return "; ".join(wrong)
