"""The rules of a payment: its own machine, its facts, and how long the provider is left alone."""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.errors import Conflict
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.money import Money
from ordereats.contracts.payments import PaymentAuthorized, PaymentDeclined, PaymentStatus
from ordereats.services.payments import domain
from ordereats.services.payments.domain import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    MOVES,
    Authorized,
    Declined,
    IllegalMove,
    Payment,
)

NOW = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)

OUTCOMES: dict[PaymentStatus, Authorized | Declined] = {
    PaymentStatus.AUTHORIZED: Authorized("pi_1"),
    PaymentStatus.DECLINED: Declined("insufficient_funds", "pi_2"),
}
"""What brings a payment into each state but the first."""

ATTEMPTS = st.integers(min_value=1, max_value=10_000)
SHARES = st.floats(min_value=0, max_value=1)


def a_payment(status: PaymentStatus = PaymentStatus.REQUESTED, version: int = 1) -> Payment:
    return Payment(
        id=PaymentId(5),
        order_id=OrderId(17),
        amount=Money(2500),
        payment_method="pm_card_visa",
        status=status,
        charge_key="order-17",
        attempts=1,
        version=version,
        created_at=NOW,
        correlation_id="the-request-behind-it",
    )


def test_every_state_has_its_moves_and_every_move_its_outcome() -> None:
    assert set(MOVES) == set(PaymentStatus)
    reached = set().union(*MOVES.values())
    assert reached == set(OUTCOMES) == set(PaymentStatus) - {PaymentStatus.REQUESTED}


def test_money_that_was_declined_stays_so() -> None:
    assert MOVES[PaymentStatus.DECLINED] == frozenset()


def test_money_that_is_reserved_is_neither_declined_nor_reserved_again() -> None:
    for outcome in OUTCOMES.values():
        with pytest.raises(IllegalMove):
            domain.settle(a_payment(PaymentStatus.AUTHORIZED), outcome)


@pytest.mark.parametrize(("status", "to"), list(product(PaymentStatus, OUTCOMES)))
def test_a_move_is_made_if_it_is_in_the_table_and_else_refused(
    status: PaymentStatus, to: PaymentStatus
) -> None:
    payment = a_payment(status, version=4)

    if to in MOVES[status]:
        settled, _ = domain.settle(payment, OUTCOMES[to])
        assert (settled.status, settled.version) == (to, 5)
    else:
        with pytest.raises(IllegalMove, match=f"is {status} and can't become {to}"):
            domain.settle(payment, OUTCOMES[to])
    assert payment == a_payment(status, version=4)


def test_a_refused_move_is_a_conflict_with_its_own_code() -> None:
    assert issubclass(IllegalMove, Conflict)
    assert IllegalMove.code == "illegal_move"


@given(st.lists(st.sampled_from(list(OUTCOMES))))
def test_on_any_walk_the_version_counts_the_moves_and_money_and_key_never_change(
    walk: list[PaymentStatus],
) -> None:
    payment, moves = a_payment(), 0

    for to in walk:
        is_legal = to in MOVES[payment.status]
        before = payment
        with suppress(IllegalMove):
            payment, _ = domain.settle(payment, OUTCOMES[to])
        moves += is_legal
        assert payment.status == (to if is_legal else before.status)
        assert payment.version == 1 + moves

    settled = msgspec.structs.replace(
        payment,
        status=PaymentStatus.REQUESTED,
        version=1,
        provider_reference=None,
        decline_reason=None,
    )
    assert settled == a_payment()


def test_an_authorization_is_told_with_its_amount_and_kept_with_its_reference() -> None:
    settled, fact = domain.settle(a_payment(), Authorized("pi_1"))

    assert fact == PaymentAuthorized(PaymentId(5), OrderId(17), Money(2500))
    assert (settled.provider_reference, settled.decline_reason) == ("pi_1", None)


@pytest.mark.parametrize("reference", ["pi_2", None])
def test_a_decline_is_told_with_its_reason(reference: str | None) -> None:
    settled, fact = domain.settle(a_payment(), Declined("expired_card", reference))

    assert fact == PaymentDeclined(PaymentId(5), OrderId(17), "expired_card")
    assert (settled.provider_reference, settled.decline_reason) == (reference, "expired_card")


@given(ATTEMPTS, SHARES)
def test_a_pause_is_between_half_of_the_longest_and_the_longest_of_its_attempt(
    attempts: int, share: float
) -> None:
    longest = domain.pause_s(attempts, share=1)

    assert longest / 2 <= domain.pause_s(attempts, share=share) <= longest <= LONGEST_PAUSE_S


@given(ATTEMPTS)
def test_pauses_double_until_the_longest(attempts: int) -> None:
    this, following = domain.pause_s(attempts, share=1), domain.pause_s(attempts + 1, share=1)

    assert following == min(2 * this, LONGEST_PAUSE_S)


def test_the_first_pause_is_short() -> None:
    assert domain.pause_s(1, share=1) == FIRST_PAUSE_S


def test_the_world_sees_the_payment_but_not_how_it_is_paid() -> None:
    settled, _ = domain.settle(a_payment(), Authorized("pi_1"))

    shown = domain.shown(settled)

    assert (shown.id, shown.order_id, shown.status) == (5, 17, PaymentStatus.AUTHORIZED)
    assert (str(shown.amount), shown.currency) == ("25.00", "EUR")
    assert (shown.attempts, shown.provider_reference, shown.created_at) == (1, "pi_1", NOW)
    assert not {"payment_method", "charge_key"} & set(shown.__struct_fields__)
