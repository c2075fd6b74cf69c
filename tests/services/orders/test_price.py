"""The price of an order: what restaurants quoted, if that is what the customer was shown."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.errors import Invalid
from ordereats.contracts.menus import PriceParts, Quote
from ordereats.contracts.money import MAX_MINOR, Money
from ordereats.contracts.orders import OrderPlaced, OrderPrice, OrderStatus
from ordereats.services.orders import domain
from ordereats.services.orders.domain import PriceChanged, QuoteDoesNotAddUp
from services.orders.facts import LATER, LINES, NOW, ORDER, RESTAURANT, USER, a_command, a_quote

CENTS = st.integers(min_value=0, max_value=MAX_MINOR // 4)


@st.composite
def quotes(draw: st.DrawFn) -> Quote:
    parts = [Decimal(draw(CENTS)).scaleb(-2) for _ in range(4)]
    return msgspec.structs.replace(
        a_quote(),
        subtotal=parts[0],
        delivery_fee=parts[1],
        service_fee=parts[2],
        tip=parts[3],
        total=sum(parts, Decimal(0)),
    )


def test_a_placed_order_is_pending_and_the_fact_tells_what_payments_needs() -> None:
    terms = msgspec.structs.replace(domain.agree(Money(2500), a_quote()), hold_id="a-hold")

    order, placed = domain.place(a_command(), terms, order_id=ORDER, now=NOW, pay_by=LATER)

    assert (order.status, order.version, order.created_at) == (OrderStatus.PENDING, 1, NOW)
    assert (order.items, order.due_at) == (LINES, LATER)
    assert placed == OrderPlaced(
        ORDER,
        USER,
        RESTAURANT,
        Money(2500),
        "pm_card_mastercard",
        PriceParts(Money(2000), Money(290), Money(60), Money(150)),
        "a-hold",
    )


@given(quotes().filter(lambda quote: quote.total > 0))
def test_the_total_is_the_sum_of_its_parts_and_exactly_what_was_quoted(quote: Quote) -> None:
    terms = domain.agree(Money.of(quote.total), quote)
    order, placed = domain.place(a_command(), terms, order_id=ORDER, now=NOW, pay_by=LATER)

    shown = domain.shown(order)

    price = shown.price
    assert shown.total_price == quote.total == placed.total.amount
    assert price.subtotal + price.delivery_fee + price.service_fee + price.tip == shown.total_price


@given(quotes(), st.integers(min_value=1, max_value=MAX_MINOR))
def test_another_price_than_was_shown_is_refused_with_the_right_quote(
    quote: Quote, shown: int
) -> None:
    if Money.of(quote.total) == Money(shown):
        return

    with pytest.raises(PriceChanged) as refused:
        domain.agree(Money(shown), quote)

    assert refused.value.code == "price_changed"
    assert refused.value.extension == {"quote": quote}


def test_who_was_shown_no_price_takes_the_servers() -> None:
    assert domain.agree(None, a_quote()).price.total == Money(2500)


def test_an_order_that_costs_nothing_is_refused() -> None:
    nothing = dict.fromkeys(
        ["subtotal", "delivery_fee", "service_fee", "tip", "total"], Decimal("0.00")
    )

    with pytest.raises(Invalid) as refused:
        domain.agree(None, msgspec.structs.replace(a_quote(), **nothing))

    assert [problem.path for problem in refused.value.problems] == ["items"]


@pytest.mark.parametrize("total", ["24.99", "25.01", "0.00"])
def test_a_quote_that_does_not_add_up_is_nobodys_price(total: str) -> None:
    with pytest.raises(QuoteDoesNotAddUp):
        domain.agree(None, a_quote(total=Decimal(total)))


@given(st.integers(min_value=1, max_value=MAX_MINOR))
def test_the_price_that_was_shown_is_taken_exactly(minor: int) -> None:
    assert domain.shown_price(a_command(total_price=Decimal(minor).scaleb(-2))) == Money(minor)


def test_no_price_may_have_been_shown() -> None:
    assert domain.shown_price(a_command(total_price=None)) is None


@pytest.mark.parametrize(
    "price", ["0", "0.00", "-0", "-0.01", "0.001", "25.001", "100000000.01", "1e999999", "NaN"]
)
def test_a_price_that_nobody_can_pay_is_refused_by_its_field(price: str) -> None:
    with pytest.raises(Invalid) as refused:
        domain.shown_price(a_command(total_price=Decimal(price)))

    assert [problem.path for problem in refused.value.problems] == ["totalPrice"]


def test_the_world_sees_how_the_price_is_made_up() -> None:
    terms = domain.agree(None, a_quote())
    order, _ = domain.place(a_command(), terms, order_id=ORDER, now=NOW, pay_by=LATER)

    shown = domain.shown(order)

    assert [str(shown.total_price), shown.currency] == ["25.00", "EUR"]
    assert shown.price == OrderPrice(
        Decimal("20.00"), Decimal("2.90"), Decimal("0.60"), Decimal("1.50"), Decimal("2.80")
    )
