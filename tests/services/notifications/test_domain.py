"""What is said about each fact: to whom, about what, in whole sentences."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.contracts.events import type_of
from ordereats.contracts.ids import CourierId, RefundId
from ordereats.contracts.notifications import Mail, Receiver
from ordereats.contracts.orders import CancelledBy, OrderDeclined, OrderRejected
from ordereats.services.notifications import domain
from ordereats.services.notifications.domain import (
    TEMPLATES,
    Fact,
    Known,
    identity,
    tell,
)
from services.notifications.facts import (
    ASSIGNED,
    COURIER,
    DELAYED,
    FACTS,
    OFFERED,
    ORDER,
    PAID,
    PLACED,
    REFUNDED,
    RESTAURANT,
    USER,
    cancelled,
)

KNOWN = Known(
    user_id=USER,
    courier_id=COURIER,
    is_paid=True,
    customer="Hieu",
    restaurant="Pho Saigon",
    has_restaurant_email=True,
)
IDS = {Receiver.CUSTOMER: USER, Receiver.RESTAURANT: RESTAURANT, Receiver.COURIER: COURIER}
HEARD = {type_of(each): {told.receiver for told in tell(each, KNOWN)} for each in FACTS}


def test_there_is_an_example_of_every_fact_that_is_told() -> None:
    kinds = {type(fact) for fact in FACTS}

    assert kinds == set(get_args(Fact))
    assert kinds == {kind for templates in TEMPLATES.values() for kind in templates}


@pytest.mark.parametrize("fact", FACTS, ids=type_of)
def test_every_fact_is_told_to_somebody_about_their_order(fact: Fact) -> None:
    told = tell(fact, KNOWN)

    assert told
    assert {each.order_id for each in told} == {ORDER}
    assert {each.receiver: each.receiver_id for each in told}.items() <= IDS.items()


def test_customers_hear_of_all_but_what_is_between_kitchens_couriers_and_us() -> None:
    not_heard = {kind for kind, receivers in HEARD.items() if Receiver.CUSTOMER not in receivers}

    assert not_heard == {
        "ordereats.ticket.created.v1",
        "ordereats.ticket.expired.v1",
        "ordereats.ticket.cancelled.v1",
        "ordereats.delivery.offered.v1",
    }


def test_restaurants_hear_of_what_they_have_to_do_and_of_what_is_over() -> None:
    heard = {kind for kind, receivers in HEARD.items() if Receiver.RESTAURANT in receivers}

    assert heard == {
        "ordereats.ticket.created.v1",
        "ordereats.ticket.expired.v1",
        "ordereats.ticket.cancelled.v1",
        "ordereats.order.cancelled.v1",
    }


def test_couriers_hear_of_offers_and_of_an_order_that_is_over() -> None:
    heard = {kind for kind, receivers in HEARD.items() if Receiver.COURIER in receivers}

    assert heard == {"ordereats.delivery.offered.v1", "ordereats.order.cancelled.v1"}


@pytest.mark.parametrize("by", CancelledBy)
@pytest.mark.parametrize("is_paid", [True, False])
def test_a_kitchen_hears_of_a_cancel_that_it_was_not_asked_about_of_an_order_it_may_have(
    *, by: CancelledBy, is_paid: bool
) -> None:
    receivers = [each.receiver for each in tell(cancelled(by), replace(KNOWN, is_paid=is_paid))]

    assert (Receiver.RESTAURANT in receivers) == (is_paid and by is not CancelledBy.CUSTOMER)


def test_a_courier_of_a_cancelled_order_is_told_whichever_fact_comes_first() -> None:
    nobody_yet = replace(KNOWN, courier_id=None)

    told_late = tell(ASSIGNED, replace(KNOWN, is_cancelled=True))
    told_at_once = tell(cancelled(), KNOWN)

    assert [each.receiver for each in tell(cancelled(), nobody_yet)] == [
        Receiver.CUSTOMER,
        Receiver.RESTAURANT,
    ]
    for told in (told_late, told_at_once):
        courier = told[-1]
        assert (courier.receiver, courier.receiver_id) == (Receiver.COURIER, COURIER)
        assert "please don't bring it" in courier.text


@pytest.mark.parametrize("fact", FACTS, ids=type_of)
@pytest.mark.parametrize("known", [KNOWN, Known(user_id=USER, courier_id=COURIER, is_paid=True)])
def test_a_message_is_made_of_whole_sentences_whatever_names_are_known(
    fact: Fact, known: Known
) -> None:
    for told in tell(fact, known):
        assert "None" not in told.subject + told.text
        assert "{" not in told.subject + told.text
        for sentence in re.split(r"(?<=[.?!]) ", told.text):
            assert re.fullmatch(r"[A-Z0-9].*[.?!]", sentence), sentence


@pytest.mark.parametrize("fact", FACTS, ids=type_of)
def test_a_customer_is_greeted_by_name_and_told_where(fact: Fact) -> None:
    for told in tell(fact, KNOWN):
        if told.receiver is Receiver.CUSTOMER:
            assert told.text.startswith("Hello Hieu. ")
            assert ("at Pho Saigon" in told.subject) != ("for order 17" in told.subject)


def test_amounts_have_both_places_and_times_their_zone() -> None:
    (paid,), (delayed,), (assigned,) = (tell(each, KNOWN) for each in (PAID, DELAYED, ASSIGNED))

    assert "25.00 EUR" in paid.text
    assert "18:20 UTC" in delayed.text
    assert "about 18:05 UTC, and by 18:20 UTC" in assigned.text


@given(st.text(max_size=40))
def test_a_decline_is_told_with_a_reason_that_people_understand(reason: str) -> None:
    (told,) = tell(OrderDeclined(ORDER, USER, RESTAURANT, reason), KNOWN)

    assert re.search(
        r"declined: (there was|it has|your bank).*\. Nothing was charged\.$", told.text
    )


@given(st.text())
def test_what_people_write_is_quoted_as_it_stands_and_never_read_as_a_template(text: str) -> None:
    known = replace(KNOWN, customer=text or "-", restaurant=text or "-")

    (told,) = tell(OrderRejected(ORDER, USER, RESTAURANT, text), known)

    assert told.subject == f"Not accepted: your order at {text or '-'}"
    assert told.text.startswith(f"Hello {text or '-'}. The kitchen can't take your order: ")


def test_words_of_ours_become_a_persons_and_no_word_is_no_reason() -> None:
    no_courier, none = (tell(cancelled(reason=reason), KNOWN)[0] for reason in ("no_courier", None))

    assert "cancelled: no courier could be found. What" in no_courier.text
    assert "cancelled: as was asked for. What" in none.text


@pytest.mark.parametrize("fact", FACTS, ids=type_of)
def test_a_fact_that_comes_again_is_the_same_fact(fact: Fact) -> None:
    assert identity(msgspec.structs.replace(fact)) == identity(fact)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (REFUNDED, msgspec.structs.replace(REFUNDED, refund_id=RefundId(2))),
        (DELAYED, msgspec.structs.replace(DELAYED, ready_at=DELAYED.ready_at + timedelta(hours=1))),
        (OFFERED, msgspec.structs.replace(OFFERED, until=OFFERED.until + timedelta(seconds=45))),
        (ASSIGNED, msgspec.structs.replace(ASSIGNED, courier_id=CourierId(9))),
        (PLACED, PAID),
    ],
)
def test_a_second_refund_delay_offer_or_courier_is_another_fact(one: Fact, other: Fact) -> None:
    assert identity(one) != identity(other)


@pytest.mark.parametrize(
    ("receiver", "has_email", "has_server", "mail"),
    [
        (Receiver.CUSTOMER, False, True, Mail.WAITING),
        (Receiver.CUSTOMER, False, False, Mail.KEPT),
        (Receiver.RESTAURANT, True, True, Mail.WAITING),
        (Receiver.RESTAURANT, True, False, Mail.KEPT),
        (Receiver.RESTAURANT, False, True, Mail.NONE),
        (Receiver.COURIER, True, True, Mail.NONE),
    ],
)
def test_customers_get_mail_restaurants_if_they_want_it_and_couriers_none(
    *, receiver: Receiver, has_email: bool, has_server: bool, mail: Mail
) -> None:
    known = replace(KNOWN, has_restaurant_email=has_email)
    told = {each.receiver: each for each in tell(cancelled(), known)}[receiver]

    assert domain.first_state(told, has_server=has_server) is mail
