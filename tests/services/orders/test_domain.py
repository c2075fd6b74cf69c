"""The rules of an order: every move there is, every one there is not, and who may cancel."""

from contextlib import suppress
from datetime import timedelta
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.errors import Conflict, IllegalMove
from ordereats.contracts.money import Money
from ordereats.contracts.orders import (
    CancelledBy,
    OrderAccepted,
    OrderCancelled,
    OrderDeclined,
    OrderDelivered,
    OrderedDish,
    OrderExpired,
    OrderPaid,
    OrderPickedUp,
    OrderReady,
    OrderRejected,
    OrderStatus,
)
from ordereats.services.orders import domain
from ordereats.services.orders.domain import CANCELLABLE, ENDS, MOVES
from services.orders.facts import (
    COURIER,
    HOME,
    KITCHEN,
    LATER,
    ORDER,
    READY_AT,
    RESTAURANT,
    RULES,
    USER,
    an_order,
)

PAIRS = list(product(OrderStatus, RULES))
TOTAL = Money(2500)


def test_every_state_has_its_moves_and_every_move_its_rule() -> None:
    assert set(MOVES) == set(OrderStatus)
    assert set().union(*MOVES.values()) == set(RULES) == set(OrderStatus) - {OrderStatus.PENDING}


def test_an_order_ends_in_one_of_five_ways() -> None:
    assert {each.value for each in ENDS} == {
        "delivered",
        "declined",
        "rejected",
        "expired",
        "cancelled",
    }


@pytest.mark.parametrize(("status", "to"), PAIRS)
def test_a_move_is_made_if_it_is_in_the_table_and_else_refused(
    status: OrderStatus, to: OrderStatus
) -> None:
    order = an_order(status, version=4)

    if to in MOVES[status]:
        moved, _ = RULES[to](order, now=LATER)
        assert (moved.status, moved.version, moved.updated_at) == (to, 5, LATER)
    else:
        with pytest.raises(IllegalMove, match=f"is {status}"):
            RULES[to](order, now=LATER)
    assert order == an_order(status, version=4)


def test_a_refused_move_is_a_conflict_with_its_own_code() -> None:
    assert issubclass(IllegalMove, Conflict)
    assert IllegalMove.code == "illegal_move"


@given(st.lists(st.sampled_from(list(RULES))))
def test_on_any_walk_the_version_counts_the_moves_and_nothing_else_changes(
    walk: list[OrderStatus],
) -> None:
    order, moves = an_order(), 0

    for to in walk:
        is_legal = to in MOVES[order.status]
        before = order
        with suppress(IllegalMove):
            order, _ = RULES[to](order, now=LATER)
        moves += is_legal
        assert order.status == (to if is_legal else before.status)
        assert order.version == 1 + moves

    placed = an_order()
    for name in ("id", "user_id", "items", "price", "created_at", "deliver_to", "notes"):
        assert getattr(order, name) == getattr(placed, name)


@given(st.lists(st.sampled_from(list(RULES))))
def test_whatever_is_said_in_whatever_order_each_fact_is_news_or_overtaken_or_raised(
    walk: list[OrderStatus],
) -> None:
    order = an_order()
    been = {order.status}

    for to in walk:
        if domain.is_overtaken(order, to):
            assert to in been or order.status in ENDS
        elif to in MOVES[order.status]:
            order, _ = RULES[to](order, now=LATER)
            been.add(to)
        else:
            assert to not in been
            assert order.status not in ENDS


@pytest.mark.parametrize(
    ("status", "to"),
    [
        (OrderStatus.ACCEPTED, OrderStatus.PICKED_UP),
        (OrderStatus.PENDING, OrderStatus.ACCEPTED),
        (OrderStatus.PAID, OrderStatus.READY),
        (OrderStatus.PAID, OrderStatus.DECLINED),
        (OrderStatus.ACCEPTED, OrderStatus.EXPIRED),
    ],
)
def test_a_fact_that_is_too_early_or_contradicts_is_not_passed_over(
    status: OrderStatus, to: OrderStatus
) -> None:
    assert not domain.is_overtaken(an_order(status), to)
    with pytest.raises(IllegalMove):
        RULES[to](an_order(status), now=LATER)


@pytest.mark.parametrize(("by", "status"), list(product(CancelledBy, OrderStatus)))
def test_who_may_cancel_does_and_who_may_not_changes_nothing(
    by: CancelledBy, status: OrderStatus
) -> None:
    order = an_order(status, version=4)

    if status in CANCELLABLE[by]:
        cancelled, fact = domain.cancel(order, by, "why", now=LATER)
        assert fact == OrderCancelled(ORDER, USER, RESTAURANT, by, "why")
        assert (cancelled.status, cancelled.reason) == (OrderStatus.CANCELLED, "why")
        assert cancelled.cancelled_by is by
    else:
        with pytest.raises(IllegalMove):
            domain.cancel(order, by, "why", now=LATER)


def test_a_customer_cancels_before_the_kitchen_accepts_and_an_operator_until_the_delivery() -> None:
    assert CANCELLABLE[CancelledBy.CUSTOMER] == {OrderStatus.PENDING, OrderStatus.PAID}
    assert CANCELLABLE[CancelledBy.OPERATOR] == set(OrderStatus) - ENDS


def test_only_a_customers_cancel_of_a_paid_order_needs_the_kitchen() -> None:
    needing = [
        (by, status)
        for by, status in product(CancelledBy, OrderStatus)
        if domain.needs_kitchen(an_order(status), by)
    ]

    assert needing == [(CancelledBy.CUSTOMER, OrderStatus.PAID)]


def test_a_withdrawal_keeps_what_the_customer_said() -> None:
    order = msgspec.structs.replace(an_order(OrderStatus.PAID), wish="ordered twice")

    cancelled, fact = domain.withdraw(order, now=LATER)

    assert (fact.by, fact.reason) == (CancelledBy.CUSTOMER, "ordered twice")
    assert cancelled.cancelled_by is CancelledBy.CUSTOMER


def test_a_withdrawal_is_his_who_wished_it() -> None:
    order = msgspec.structs.replace(
        an_order(OrderStatus.PAID), wish="no_answer", wish_by=CancelledBy.PLATFORM
    )

    _, fact = domain.withdraw(order, now=LATER)

    assert (fact.by, fact.reason) == (CancelledBy.PLATFORM, "no_answer")


@pytest.mark.parametrize(("status", "to"), PAIRS)
def test_a_fact_is_too_early_if_the_order_may_still_come_to_where_it_moves(
    status: OrderStatus, to: OrderStatus
) -> None:
    def reachable(start: OrderStatus) -> set[OrderStatus]:
        return set(MOVES[start]).union(*(reachable(each) for each in MOVES[start]))

    is_too_early = domain.is_too_early(an_order(status), to)

    assert is_too_early == (to in reachable(status) - MOVES[status])
    assert not (is_too_early and domain.is_overtaken(an_order(status), to))


def test_each_fact_tells_what_those_need_who_hear_it() -> None:
    before = {to: next(status for status in OrderStatus if to in MOVES[status]) for to in RULES}
    facts = {to: rule(an_order(before[to]), now=LATER)[1] for to, rule in RULES.items()}

    parties = (ORDER, USER, RESTAURANT)
    dishes = (
        OrderedDish(2, 'Phở "đặc biệt" \\ 😋', an_order().items[0].dish_id, ("Size: large",)),
        OrderedDish(1, "Tea"),
    )
    assert facts == {
        OrderStatus.PAID: OrderPaid(*parties, TOTAL, dishes, "no coriander"),
        OrderStatus.DECLINED: OrderDeclined(*parties, "insufficient_funds"),
        OrderStatus.ACCEPTED: OrderAccepted(*parties, TOTAL, READY_AT, KITCHEN, HOME),
        OrderStatus.REJECTED: OrderRejected(*parties, "no rice"),
        OrderStatus.EXPIRED: OrderExpired(*parties),
        OrderStatus.READY: OrderReady(*parties),
        OrderStatus.PICKED_UP: OrderPickedUp(*parties, COURIER),
        OrderStatus.DELIVERED: OrderDelivered(*parties, COURIER, TOTAL),
        OrderStatus.CANCELLED: OrderCancelled(*parties, CancelledBy.OPERATOR, "mistake"),
    }


def test_what_an_order_learns_on_its_way_the_world_sees() -> None:
    accepted, _ = domain.accept(an_order(OrderStatus.PAID), READY_AT, now=LATER)
    taken, _ = domain.pick_up(an_order(OrderStatus.READY), COURIER, now=LATER)
    declined, _ = domain.decline(an_order(), "expired_card", now=LATER)

    paid, _ = domain.pay(an_order(), timedelta(minutes=30), now=LATER)

    assert domain.shown(an_order()).accept_by == READY_AT
    assert domain.shown(paid).accept_by == LATER + timedelta(minutes=30)
    assert domain.shown(accepted).ready_at == READY_AT
    assert domain.shown(accepted).accept_by is None
    assert domain.shown(taken).courier_id == COURIER
    assert domain.shown(declined).reason == "expired_card"
