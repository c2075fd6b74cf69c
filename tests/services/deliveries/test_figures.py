"""Deliveries counts what becomes of offers, and says who is at work now."""

from ordereats.services.deliveries.use_cases import deliveries
from services.deliveries.conftest import City
from support.scrapes import Values, counted, scraped


async def shown(city: City) -> Values:
    return await scraped(city.deps.figures.sources(city.deps.database))


async def test_offers_are_counted_by_what_became_of_them(city: City) -> None:
    await city.assigned(1)
    await city.accepted(2)
    second = await city.courier()
    offered = await city.offered(2)
    await deliveries.decline(city.deps, offered.id, second)
    await city.shift(second, online=False)
    third = await city.courier()
    await city.offer()
    await city.let_offers_lapse()
    await city.sweep()
    await city.offer()
    await city.shift(third, online=False)

    assert counted(await shown(city), "offers_total") == {
        ("made",): 4,
        ("accepted",): 1,
        ("declined",): 1,
        ("lapsed",): 1,
        ("given_back",): 1,
    }


async def test_who_is_online_and_what_is_open_is_counted(city: City) -> None:
    await city.assigned(1)
    await city.accepted(2)
    await city.cancelled(3)
    await city.courier(None)  # not online

    values = await shown(city)

    assert values["couriers_online", ()] == 1
    assert {
        labels: value for (name, labels), value in values.items() if name == "deliveries_open"
    } == {("searching",): 1, ("offered",): 0, ("assigned",): 1, ("picked_up",): 0}
