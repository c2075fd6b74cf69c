"""What a process shows of its bus: in its metrics, and in its health."""

import pytest

from ordereats.chassis.messaging.bus import BusState, ConsumerState
from ordereats.chassis.telemetry import buses
from support.builders import FakeBus

HEARD = ConsumerState("orders.payment", is_consuming=True, in_hand=3)
UNHEARD = ConsumerState("orders.ticket", is_consuming=False, in_hand=0)


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


async def test_the_metrics_show_the_state_and_each_queue_that_is_consumed(bus: FakeBus) -> None:
    bus.state, bus.hears = BusState.BLOCKED, [HEARD, UNHEARD]

    shown = {
        (family.name, *sample.labels.values()): sample.value
        for family in await buses.families(bus)
        for sample in family.samples
    }

    assert shown == {
        ("ordereats_bus_state", "up"): 0,
        ("ordereats_bus_state", "blocked"): 1,
        ("ordereats_bus_state", "down"): 0,
        ("ordereats_bus_consumer_up", "orders.payment"): 1,
        ("ordereats_bus_consumer_up", "orders.ticket"): 0,
        ("ordereats_bus_messages_in_hand", "orders.payment"): 3,
        ("ordereats_bus_messages_in_hand", "orders.ticket"): 0,
    }


@pytest.mark.parametrize(
    ("state", "consumers", "said"),
    [
        (BusState.UP, [HEARD], ""),
        (BusState.DOWN, [], "down"),
        (BusState.UP, [HEARD, UNHEARD], "no consumer: orders.ticket"),
        (BusState.BLOCKED, [UNHEARD], "blocked; no consumer: orders.ticket"),
    ],
)
async def test_its_health_says_what_is_wrong_and_nothing_if_nothing_is(
    bus: FakeBus, state: BusState, consumers: list[ConsumerState], said: str
) -> None:
    bus.state, bus.hears = state, consumers

    assert await buses.health(bus) == said
