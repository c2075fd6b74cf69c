"""The rules of an order: every move there is, every one there is not, and the price."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.errors import Conflict, Invalid
from ordereats.contracts.events import Event
from ordereats.contracts.ids import OrderId, RestaurantId, UserId
from ordereats.contracts.money import MAX_MINOR, Money
from ordereats.contracts.orders import (
    OrderDeclined,
    OrderedItem,
    OrderPaid,
    OrderPlaced,
    OrderStatus,
    PlaceOrder,
)
from ordereats.services.orders import domain
from ordereats.services.orders.domain import MOVES, IllegalMove, Order

NOW = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)

ACTS: dict[OrderStatus, Callable[[Order], tuple[Order, Event]]] = {
    OrderStatus.PAID: domain.pay,
    OrderStatus.DECLINED: lambda order: domain.decline(order, "insufficient_funds"),
}
"""What brings an order into each state but the first."""


def a_command(total_price: Decimal = Decimal("25.00")) -> PlaceOrder:
    return PlaceOrder(
        user_id=UserId(1),
        restaurant_id=RestaurantId(2),
        items=(OrderedItem("Pho", 2),),
        total_price=total_price,
        payment_method="pm_card_mastercard",
    )


def an_order(status: OrderStatus = OrderStatus.PENDING, version: int = 1) -> Order:
    order, _ = domain.place(a_command(), order_id=OrderId(17), total=Money(2500), now=NOW)
    return msgspec.structs.replace(order, status=status, version=version)


def test_a_placed_order_is_pending_and_the_fact_tells_what_payments_needs() -> None:
    order, placed = domain.place(a_command(), order_id=OrderId(17), total=Money(2500), now=NOW)

    assert (order.status, order.version, order.created_at) == (OrderStatus.PENDING, 1, NOW)
    assert placed == OrderPlaced(
        OrderId(17), UserId(1), RestaurantId(2), Money(2500), "pm_card_mastercard"
    )


def test_every_state_has_its_moves_and_every_move_its_act() -> None:
    assert set(MOVES) == set(OrderStatus)
    assert set().union(*MOVES.values()) == set(ACTS) == set(OrderStatus) - {OrderStatus.PENDING}


@pytest.mark.parametrize("end", [OrderStatus.DECLINED])
def test_an_order_that_has_ended_goes_nowhere(end: OrderStatus) -> None:
    assert MOVES[end] == frozenset()


def test_an_order_that_is_paid_is_never_declined() -> None:
    with pytest.raises(IllegalMove):
        domain.decline(an_order(OrderStatus.PAID), "insufficient_funds")


@pytest.mark.parametrize(("status", "to"), list(product(OrderStatus, ACTS)))
def test_a_move_is_made_if_it_is_in_the_table_and_else_refused(
    status: OrderStatus, to: OrderStatus
) -> None:
    order = an_order(status, version=4)

    if to in MOVES[status]:
        moved, _ = ACTS[to](order)
        assert (moved.status, moved.version) == (to, 5)
    else:
        with pytest.raises(IllegalMove, match=f"is {status} and can't become {to}"):
            ACTS[to](order)
    assert order == an_order(status, version=4)


def test_a_refused_move_is_a_conflict_with_its_own_code() -> None:
    assert issubclass(IllegalMove, Conflict)
    assert IllegalMove.code == "illegal_move"


@given(st.lists(st.sampled_from(list(ACTS))))
def test_on_any_walk_the_version_counts_the_moves_and_nothing_else_changes(
    walk: list[OrderStatus],
) -> None:
    order, moves = an_order(), 0

    for to in walk:
        is_legal = to in MOVES[order.status]
        before = order
        with suppress(IllegalMove):
            order, _ = ACTS[to](order)
        moves += is_legal
        assert order.status == (to if is_legal else before.status)
        assert order.version == 1 + moves

    moved = msgspec.structs.replace(
        order, status=OrderStatus.PENDING, version=1, decline_reason=None
    )
    assert moved == an_order()


def test_facts_tell_whose_order_it_is() -> None:
    _, paid = domain.pay(an_order())
    declined_order, declined = domain.decline(an_order(), "expired_card")

    assert paid == OrderPaid(OrderId(17), UserId(1), RestaurantId(2), Money(2500))
    assert declined == OrderDeclined(OrderId(17), UserId(1), RestaurantId(2), "expired_card")
    assert declined_order.decline_reason == "expired_card"


@given(st.integers(min_value=1, max_value=MAX_MINOR))
def test_the_agreed_price_is_exactly_the_one_that_was_shown(minor: int) -> None:
    assert domain.agreed_price(a_command(Decimal(minor).scaleb(-2))) == Money(minor)


@pytest.mark.parametrize(
    "price", ["0", "0.00", "-0", "-0.01", "0.001", "25.001", "100000000.01", "1e999999", "NaN"]
)
def test_a_price_that_nobody_can_pay_is_refused_by_its_field(price: str) -> None:
    with pytest.raises(Invalid) as refused:
        domain.agreed_price(a_command(Decimal(price)))

    assert [problem.path for problem in refused.value.problems] == ["totalPrice"]


def test_the_world_sees_the_order_as_it_is() -> None:
    order, _ = domain.decline(an_order(), "expired_card")

    shown = domain.shown(order)

    assert (shown.id, shown.user_id, shown.restaurant_id) == (17, 1, 2)
    assert (str(shown.total_price), shown.currency) == ("25.00", "EUR")
    assert (shown.status, shown.version) == (OrderStatus.DECLINED, 2)
    assert (shown.decline_reason, shown.created_at) == ("expired_card", NOW)
    assert shown.items == (OrderedItem("Pho", 2),)
