"""What is said about each fact: whom, about what, in whole sentences."""

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.contracts.events import type_of
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import Money
from ordereats.contracts.orders import OrderDeclined, OrderPaid, OrderPlaced
from ordereats.services.notifications.domain import OrderFact, tell

ORDER, USER, RESTAURANT = OrderId(17), UserId(1), RestaurantId(2)
FACTS: list[OrderFact] = [
    OrderPlaced(ORDER, USER, RESTAURANT, Money(2500), "pm_card_visa"),
    OrderPaid(ORDER, USER, RESTAURANT, Money(2500)),
    OrderDeclined(ORDER, USER, RESTAURANT, "insufficient_funds"),
]


def test_there_is_an_example_of_every_fact_that_is_told() -> None:
    assert {type(fact) for fact in FACTS} == set(get_args(OrderFact))


@pytest.mark.parametrize("fact", FACTS, ids=type_of)
def test_the_customer_is_told_of_the_order_by_the_name_of_the_fact(fact: OrderFact) -> None:
    told = tell(fact, name="Hieu", restaurant="Pho Saigon")

    assert (told.user_id, told.order_id, told.fact) == (USER, ORDER, type_of(fact))
    assert told.text.startswith("Hello Hieu, ")
    assert told.subject.endswith("our order at Pho Saigon")


@pytest.mark.parametrize("fact", FACTS, ids=type_of)
@pytest.mark.parametrize("name", ["Hieu", None])
@pytest.mark.parametrize("restaurant", ["Pho Saigon", None])
def test_a_message_is_made_of_whole_sentences_whatever_names_are_known(
    fact: OrderFact, name: str | None, restaurant: str | None
) -> None:
    told = tell(fact, name=name, restaurant=restaurant)

    assert "None" not in told.subject + told.text
    for sentence in re.split(r"(?<=[.?!]) ", told.text):
        assert re.fullmatch(r"[A-Z0-9].*[.?!]", sentence), sentence


@pytest.mark.parametrize("fact", FACTS[:2], ids=type_of)
def test_the_amount_is_told_with_both_places_and_its_currency(fact: OrderFact) -> None:
    assert "25.00 EUR" in tell(fact, name=None, restaurant=None).text


@given(st.text(max_size=40))
def test_a_decline_is_told_with_a_reason_that_people_understand(reason: str) -> None:
    fact = OrderDeclined(ORDER, USER, RESTAURANT, reason)

    text = tell(fact, name="Hieu", restaurant="Pho Saigon").text

    assert re.search(r"declined: (there was|it has|your bank).*\. Nothing was charged\.$", text)
