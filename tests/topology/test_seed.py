"""Seeding a platform: once, however often, and one clear sentence when that can't be."""

from collections.abc import AsyncIterator

import pytest

from ordereats.contracts.restaurants import Restaurant
from ordereats.contracts.users import RegisterUser, User
from ordereats.topology.city import client
from ordereats.topology.city.client import Api, Failed, NotReachable, Refused
from ordereats.topology.city.invented import Size, invent
from ordereats.topology.city.seeding import CannotSettle, CityForgotten, settle
from ordereats.topology.city.tally import Tally
from ordereats.topology.local.part import free_ports
from support.small_platform import SmallPlatform

CITY = invent(7, Size(restaurants=5, couriers=4, customers=6))


@pytest.fixture
async def small() -> AsyncIterator[SmallPlatform]:
    async with SmallPlatform.up() as platform:
        yield platform


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
async def api(small: SmallPlatform, tally: Tally) -> AsyncIterator[Api]:
    async with Api.at(small.url, tally) as api:
        yield api


async def test_a_city_is_made_with_all_its_parts(small: SmallPlatform, api: Api) -> None:
    settled = await settle(api, CITY)

    assert (settled.made, settled.found) == (15, 0)
    assert (len(small.restaurants), len(small.couriers), len(small.users)) == (5, 4, 6)
    for number, restaurant_id in enumerate(settled.restaurants):
        there = small.restaurants[restaurant_id]
        assert there["name"] == CITY.restaurants[number].joins.name
        assert len(there["menu"]["sections"]) == len(CITY.restaurants[number].menu.sections)


async def test_a_second_time_nothing_is_made_and_the_same_is_found(
    small: SmallPlatform, api: Api
) -> None:
    first = await settle(api, CITY)

    second = await settle(api, CITY)

    assert (second.made, second.found) == (0, 15)
    assert second.restaurants == first.restaurants
    assert second.couriers == first.couriers
    assert second.customers == first.customers
    assert (len(small.restaurants), len(small.couriers), len(small.users)) == (5, 4, 6)


async def test_a_larger_city_adds_what_is_missing(api: Api) -> None:
    await settle(api, CITY)

    larger = await settle(api, invent(7, Size(restaurants=7, couriers=4, customers=6)))

    assert (larger.made, larger.found) == (2, 15)


async def test_a_city_that_the_platform_has_forgotten_is_not_made_twice(
    small: SmallPlatform, api: Api
) -> None:
    await settle(api, CITY)
    small.forget_keys()

    with pytest.raises(CityForgotten, match="choose another --seed"):
        await settle(api, CITY)

    assert len(small.restaurants) == 5


async def test_nothing_is_made_twice_when_answers_are_lost(
    small: SmallPlatform, api: Api, tally: Tally
) -> None:
    small.lose_next = 4
    small.refuse_next = 3

    settled = await settle(api, CITY)

    assert (len(small.restaurants), len(small.couriers), len(small.users)) == (5, 4, 6)
    assert len(settled.customers) == 6
    assert sum(line.repeated for line in tally.lines()) == 7
    assert tally.failed == 0


async def test_a_platform_that_does_not_take_it_is_named_in_a_sentence(
    api: Api, monkeypatch: pytest.MonkeyPatch, small: SmallPlatform
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.3)
    small.refuse_next = 1000

    with pytest.raises(CannotSettle, match="register a customer: 503"):
        await settle(api, CITY)


async def test_where_no_platform_answers_the_sentence_says_how_to_start_one() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"

    with pytest.raises(NotReachable, match="`ordereats up` starts one"):
        async with Api.at(url, Tally()):
            raise AssertionError("unreachable")


async def test_a_refusal_has_its_code_and_is_not_repeated(api: Api, tally: Tally) -> None:
    someone = RegisterUser("Aino", "aino@test.example")
    await api.create("register", User, "/users", someone, key="one")

    with pytest.raises(Refused) as refused:
        await api.create("register", User, "/users", someone, key="two")

    assert (refused.value.status, refused.value.code) == (409, "email_taken")
    assert not refused.value.maybe_done
    (line,) = tally.lines()
    assert line.outcomes == {"ok": 1, "refused email_taken": 1}
    assert line.repeated == 0


async def test_a_refusal_after_a_lost_answer_says_that_it_may_be_done(
    small: SmallPlatform, api: Api
) -> None:
    small.lose_next = 1

    # Without a key: the second try meets what the first has done.
    with pytest.raises(Refused) as refused:
        await api.ask("register", User, "POST", "/users", RegisterUser("Aino", "a@test.example"))

    assert refused.value.code == "email_taken"
    assert refused.value.maybe_done


async def test_what_is_not_answered_in_time_is_counted_as_unknown_or_failed(
    small: SmallPlatform, api: Api, tally: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.3)

    small.lose_next = 1000
    with pytest.raises(Failed):
        await api.create("lost", User, "/users", RegisterUser("A", "a@test.example"), key="a")
    small.lose_next, small.refuse_next = 0, 1000
    with pytest.raises(Failed):
        await api.ask("refused", list[Restaurant], "GET", "/restaurants")

    outcomes = {line.what: line.outcomes for line in tally.lines()}
    assert outcomes == {"lost": {"unknown": 1}, "refused": {"failed 503": 1}}
    assert tally.failed == 2
