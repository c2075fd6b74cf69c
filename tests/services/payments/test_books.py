"""The ledger: whatever happens to money, nothing appears and nothing is lost."""

from collections import Counter
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.errors import DatabaseError, IllegalMove, Invalid
from ordereats.contracts.ids import CourierId, RefundId
from ordereats.contracts.menus import PriceParts
from ordereats.contracts.money import Money
from ordereats.contracts.payments import Account, PaymentStatus, RefundStatus
from ordereats.services.payments.domain import books, refunds
from ordereats.services.payments.domain.books import Booking, Shares
from ordereats.services.payments.domain.payments import Payment
from ordereats.services.payments.domain.refunds import AboveCaptured, Refund
from services.payments.conftest import PRICE, accepted, delivered, placed
from services.payments.test_domain import a_payment

if TYPE_CHECKING:
    from services.payments.conftest import Till

MINOR = st.integers(min_value=0, max_value=10**7).map(Money)
PRICES = st.builds(PriceParts, MINOR, MINOR, MINOR, MINOR).filter(lambda price: total(price).minor)


def total(price: PriceParts) -> Money:
    return price.subtotal + price.delivery_fee + price.service_fee + price.tip


def captured_payment(price: PriceParts = PRICE) -> Payment:
    payment = a_payment(PaymentStatus.CAPTURED)
    return msgspec.structs.replace(payment, price=price, amount=total(price))


def a_refund(amount: Money, status: RefundStatus = RefundStatus.REQUESTED) -> Refund:
    payment = a_payment()
    return Refund(
        id=RefundId(1),
        payment_id=payment.id,
        order_id=payment.order_id,
        charge="pi_1",
        charge_key=payment.charge_key,
        amount=amount,
        status=status,
        reason="cold",
        key="refund-1",
        attempts=1,
        created_at=payment.created_at,
        correlation_id="walk",
    )


@given(PRICES)
def test_the_shares_are_the_total_and_none_is_negative(price: PriceParts) -> None:
    shares = books.shares(price)

    assert shares.restaurant + shares.courier + shares.platform == total(price).minor
    assert min(shares.restaurant, shares.courier, shares.platform) >= 0


@pytest.mark.parametrize(
    ("subtotal", "commission"), [(0, 0), (1, 0), (3, 0), (4, 1), (10, 2), (2000, 300)]
)
def test_the_commission_is_rounded_half_up(subtotal: int, commission: int) -> None:
    price = PriceParts(Money(subtotal), Money(0), Money(0), Money(0))

    assert books.shares(price) == Shares(subtotal - commission, 0, commission)


@given(PRICES, st.lists(st.integers(1, 10**7), max_size=8), st.none() | st.just(CourierId(3)))
def test_every_journal_adds_up_to_0_and_what_is_refunded_in_whole_is_taken_back_in_whole(
    price: PriceParts, amounts: list[int], courier_id: CourierId | None
) -> None:
    payment = captured_payment(price)
    balances = Counter[Account]()
    post(balances, books.captured(payment))
    if courier_id is not None:
        post(balances, books.delivered(payment, courier_id))

    for amount in [*amounts, payment.amount.minor]:
        part = Money(min(amount, refunds.left_of(payment, under_way=Money(0)).minor))
        post(balances, books.refunded(payment, part))
        payment, _, fact = refunds.succeed(payment, a_refund(part), "re_1")
        assert fact.amount == part
        assert balances[Account.PROVIDER] == payment.amount.minor - payment.refunded.minor
        assert balances[Account.CUSTOMER] == -balances[Account.PROVIDER]
        assert 0 <= balances[Account.RESTAURANT] <= books.shares(price).restaurant

    earned = books.shares(price).courier if courier_id is not None else 0
    assert balances[Account.COURIER] == earned == -balances[Account.PLATFORM]
    assert balances[Account.RESTAURANT] == balances[Account.PROVIDER] == 0


@given(
    PRICES,
    st.lists(
        st.none() | st.decimals(min_value=-10, max_value=200_000, places=2), min_size=1, max_size=9
    ),
)
def test_refunds_are_never_above_what_was_taken(
    price: PriceParts, wishes: list[Decimal | None]
) -> None:
    payment, under_way = captured_payment(price), Money(0)

    for wish in wishes:
        left = refunds.left_of(payment, under_way=under_way)
        if wish is not None and wish <= 0:
            with pytest.raises(Invalid):
                refunds.amount_to_refund(payment, wish, under_way=under_way)
        elif not left.minor or (wish is not None and wish > left.amount):
            with pytest.raises(AboveCaptured) as refused:
                refunds.amount_to_refund(payment, wish, under_way=under_way)
            assert refused.value.extension == {"refundable": left.amount}
        else:
            amount = refunds.amount_to_refund(payment, wish, under_way=under_way)
            assert amount.amount == (left.amount if wish is None else wish)
            under_way += amount
        assert under_way.minor <= payment.amount.minor


@pytest.mark.parametrize("amount", ["0", "0.00", "-1", "1.001", "NaN", "1e9"])
def test_no_amount_is_no_refund(amount: str) -> None:
    with pytest.raises(Invalid) as refused:
        refunds.amount_to_refund(captured_payment(), Decimal(amount), under_way=Money(0))

    assert [problem.path for problem in refused.value.problems] == ["amount"]


@pytest.mark.parametrize(
    "status", sorted(set(PaymentStatus) - {PaymentStatus.CAPTURED, PaymentStatus.REFUNDED})
)
def test_what_was_not_taken_is_not_refunded(status: PaymentStatus) -> None:
    with pytest.raises(IllegalMove):
        refunds.amount_to_refund(a_payment(status), None, under_way=Money(0))


@pytest.mark.parametrize(("status", "to"), list(product(RefundStatus, RefundStatus)))
def test_a_refund_moves_only_as_its_table_says(status: RefundStatus, to: RefundStatus) -> None:
    refund = a_refund(Money(100), status)

    def move() -> Refund:
        if to is RefundStatus.FAILED:
            return refunds.fail(refund, None)
        return refunds.succeed(captured_payment(), refund, "re_1")[1]

    if to is RefundStatus.REQUESTED:
        assert all(to not in MOVES for MOVES in refunds.MOVES.values())
    elif to in refunds.MOVES[status]:
        assert move().status is to
    else:
        with pytest.raises(IllegalMove):
            move()


async def test_money_that_is_taken_is_shared_out_and_the_courier_is_paid_when_it_has_arrived(
    till: "Till",
) -> None:
    await till.hear(placed(), accepted())
    await till.work()
    assert await till.balances() == {
        "customer": -2500,
        "provider": 2500,
        "restaurant": 1700,
        "platform": -1700,
    }

    await till.hear(delivered())

    assert await till.balances() == {
        "customer": -2500,
        "provider": 2500,
        "restaurant": 1700,
        "courier": 440,
        "platform": -2140,
    }


async def test_a_part_that_is_refunded_is_taken_back_in_proportion(till: "Till") -> None:
    await till.hear(placed(), accepted(), delivered())
    await till.work()

    await till.refund("5.00")
    await till.work()

    assert await till.balances() == {
        "customer": -2000,
        "provider": 2000,
        "restaurant": 1360,
        "courier": 440,
        "platform": -1800,
    }


async def test_a_courier_is_paid_though_the_money_has_not_been_taken_yet(till: "Till") -> None:
    await till.hear(placed(), delivered())

    assert await till.balances() == {"courier": 440, "platform": -440}


@pytest.mark.parametrize("amounts", [(100,), (100, -99)])
async def test_the_database_takes_no_journal_that_does_not_balance(
    till: "Till", amounts: tuple[int, ...]
) -> None:
    await till.hear(placed())

    with pytest.raises(DatabaseError, match="does not balance"):
        async with till.deps.database.transaction() as tx:
            await post_rows(tx, (await till.payment())["id"], amounts)

    assert await till.deps.database.fetch("select from journals") == []


@pytest.mark.parametrize("change", ["update postings set amount_minor = 1", "delete from postings"])
async def test_the_ledger_is_only_ever_added_to(till: "Till", change: str) -> None:
    await till.hear(placed(), delivered())

    with pytest.raises(DatabaseError, match="only ever added to"):
        await till.deps.database.execute(change)


def post(balances: Counter[Account], booking: Booking) -> None:
    assert sum(line.amount for line in booking.lines) == 0
    assert all(line.amount for line in booking.lines)
    for line in booking.lines:
        balances[line.account] += line.amount


async def post_rows(tx: Transaction, payment_id: int, amounts: tuple[int, ...]) -> None:
    """Write a journal past the rules."""
    journal = await tx.fetch_one(
        "insert into journals (payment_id, kind, at) values ($1, 'odd', now()) returning id",
        payment_id,
    )
    assert journal is not None
    for line, amount in enumerate(amounts):
        await tx.execute(
            "insert into postings (journal_id, line, account, amount_minor, at)"
            " values ($1, $2, 'platform', $3, now())",
            journal["id"],
            line,
            amount,
        )
