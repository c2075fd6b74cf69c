"""The invented city and the plan of what happens in it: pure functions of a seed."""

from collections import Counter
from statistics import quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordereats.contracts.deliveries import Vehicle
from ordereats.contracts.menus import NewDish, NewMenu
from ordereats.contracts.wire import decode, encode
from ordereats.topology.city.chance import dice
from ordereats.topology.city.invented import City, Size, invent, most_restaurants
from ordereats.topology.city.places import between, helsinki, metres
from ordereats.topology.city.simulation import timings
from ordereats.topology.city.simulation.clock import SimulatedClock
from ordereats.topology.city.simulation.plan import BAD_CARDS, plan

SMALL = Size(restaurants=8, couriers=3, customers=5)


@pytest.fixture(scope="module")
def city() -> City:
    return invent(1, Size())


def test_a_seed_makes_the_same_city_again_and_another_seed_another() -> None:
    assert invent(1, SMALL) == invent(1, SMALL)
    assert invent(1, SMALL) != invent(2, SMALL)


def test_a_larger_city_begins_with_the_smaller_one_of_the_same_seed(city: City) -> None:
    small = invent(1, SMALL)

    assert city.restaurants[:8] == small.restaurants
    assert city.couriers[:3] == small.couriers
    assert city.customers[:5] == small.customers


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(min_value=0, max_value=10**6))
def test_what_is_invented_is_what_the_platform_takes(seed: int) -> None:
    city = invent(seed, SMALL)

    for restaurant in city.restaurants:
        joins = restaurant.joins
        assert decode(encode(joins), type(joins)) == joins
        assert decode(encode(restaurant.menu), type(restaurant.menu)) == restaurant.menu
        assert all(dish.price > 0 for dish in dishes(restaurant.menu))
    for customer in city.customers:
        assert decode(encode(customer.registers), type(customer.registers)) == customer.registers
    for courier in city.couriers:
        assert decode(encode(courier.joins), type(courier.joins)) == courier.joins


def test_nobody_has_the_address_of_somebody_else(city: City) -> None:
    emails = Counter(each.registers.email for each in city.customers)
    venues = Counter(each.joins.place for each in city.restaurants)

    assert max(emails.values()) == 1
    assert max(venues.values()) == 1


def test_the_map_has_room_for_as_many_restaurants_as_it_says() -> None:
    city = invent(1, Size(restaurants=most_restaurants(), couriers=0, customers=0))

    assert len(city.restaurants) == most_restaurants() == len(helsinki().venues)


def test_three_in_four_restaurants_are_always_open(city: City) -> None:
    assert len(city.always_open) == 45


def test_a_seed_makes_the_same_plan_again_and_another_seed_another(city: City) -> None:
    once, again, another = (
        plan(city, orders_per_minute=20, minutes=5, seed=seed) for seed in (1, 1, 2)
    )

    assert once == again
    assert all(
        one.customer != other.customer for one, other in zip(once[:10], another[:10], strict=True)
    )


def test_a_plan_has_as_many_orders_as_was_asked_for_in_the_order_of_their_times(
    city: City,
) -> None:
    scripts = plan(city, orders_per_minute=120, minutes=5, seed=1)

    times = [script.at_min for script in scripts]
    assert len(scripts) == 600
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= 5


def test_the_same_orders_happen_however_many_come_in_a_minute(city: City) -> None:
    few = plan(city, orders_per_minute=2, minutes=5, seed=1)
    many = plan(city, orders_per_minute=20, minutes=5, seed=1)

    assert [script.customer for script in few] == [script.customer for script in many[:10]]
    assert [script.kitchen for script in few] == [script.kitchen for script in many[:10]]


def test_a_plan_orders_only_what_the_menu_has_with_options_as_it_asks(city: City) -> None:
    for script in plan(city, orders_per_minute=100, minutes=5, seed=1):
        menu = city.restaurants[script.kitchen.restaurant].menu
        by_name = {dish.name: dish for dish in dishes(menu)}
        for line in script.customer.lines:
            for group in by_name[line.dish].option_groups:
                chosen = [option for option in line.options if option.group == group.name]
                assert group.min <= len(chosen) <= group.max
                assert len(set(chosen)) == len(chosen)


def test_a_plan_has_some_of_everything_that_goes_wrong(city: City) -> None:
    scripts = plan(city, orders_per_minute=100, minutes=10, seed=1)

    shares = {
        "bad card": sum(script.customer.card in BAD_CARDS for script in scripts),
        "cancel": sum(script.customer.cancels_after_min is not None for script in scripts),
        "refund": sum(script.customer.refund_percent is not None for script in scripts),
        "reject": sum(script.kitchen.rejects for script in scripts),
        "delay": sum(script.kitchen.delayed_by_min is not None for script in scripts),
        "decline": sum(script.courier.declines > 0 for script in scripts),
    }
    assert all(10 <= count <= 150 for count in shares.values()), shares


def test_nobody_orders_where_it_may_be_closed(city: City) -> None:
    scripts = plan(city, orders_per_minute=100, minutes=5, seed=1)

    assert {script.kitchen.restaurant for script in scripts} <= set(city.always_open)


def test_preparation_takes_as_long_as_was_published() -> None:
    thrown = dice("preparation")

    percentiles = quantiles((timings.prep_min(thrown) for _ in range(50_000)), n=100)

    figures = {10: 5, 50: 15, 90: 30, 99: 59}
    for percent, minutes in figures.items():
        assert percentiles[percent - 1] == pytest.approx(minutes, rel=0.1)


def test_the_ride_to_the_customer_takes_as_long_as_was_published() -> None:
    thrown = dice("ride")

    percentiles = quantiles((timings.ride_min(thrown) for _ in range(50_000)), n=100)

    assert percentiles[49] == pytest.approx(7, rel=0.05)
    assert percentiles[89] == pytest.approx(14, rel=0.05)


def test_a_kilometre_takes_a_bicycle_about_five_minutes_and_a_walker_three_times_that() -> None:
    assert timings.way_min(1000, Vehicle.BICYCLE) == pytest.approx(5.2)
    assert timings.way_min(1000, Vehicle.FOOT) == pytest.approx(16.25)


def test_half_of_the_way_is_half_as_far() -> None:
    here, there = (address.place.location for address in helsinki().addresses[:2])
    assert here is not None
    assert there is not None

    half = between(here, there, 0.5)

    assert metres(here, half) == pytest.approx(metres(here, there) / 2, abs=0.2)
    assert between(here, there, 1.0) == there


def test_at_a_speed_of_60_a_simulated_minute_lasts_a_second() -> None:
    clock = SimulatedClock(60, time_s=iter([100.0, 107.5]).__next__)

    assert clock.seconds(1) == 1
    assert clock.minutes(2) == 2
    assert clock.now_min == 7.5


def test_a_kitchen_never_promises_less_than_a_real_minute() -> None:
    assert SimulatedClock(60).platform_minutes(15) == 1
    assert SimulatedClock(60).platform_minutes(90) == 2
    assert SimulatedClock(1).platform_minutes(14.2) == 15


def dishes(menu: NewMenu) -> list[NewDish]:
    return [dish for section in menu.sections for dish in section.dishes]
