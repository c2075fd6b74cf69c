"""What the times of a delivery go by: streets, where they are known."""

from dataclasses import replace

from ordereats.contracts.deliveries import EstimatedFrom
from ordereats.contracts.places import Location
from ordereats.services.deliveries.clients import BUNDLED, routes_of
from services.deliveries.conftest import City


async def test_a_delivery_says_what_its_times_go_by(city: City) -> None:
    tampere = Location(61.4978, 23.7610)
    with_streets = City(replace(city.deps, routes=routes_of(BUNDLED)))
    await with_streets.accepted(1)
    await with_streets.accepted(2, drop_off=tampere)
    await with_streets.accepted(3, drop_off=None)
    await city.accepted(4)

    said = [(await city.delivery(order_id)).estimated_from for order_id in (1, 2, 3, 4)]

    assert said == [
        EstimatedFrom.STREETS,
        EstimatedFrom.CROW_FLIES,
        EstimatedFrom.USUAL,
        EstimatedFrom.CROW_FLIES,
    ]
