"""The rules of a payment: its own machine, what the order wants of it, what the provider says."""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.errors import Conflict, IllegalMove
from ordereats.contracts.ids import OrderId, PaymentId, RestaurantId, UserId
from ordereats.contracts.menus import PriceParts
from ordereats.contracts.money import Money
from ordereats.contracts.payments import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentStatus,
    PaymentVoided,
)
from ordereats.services.payments.domain import payments as rules
from ordereats.services.payments.domain.payments import (
    MOVES,
    Authorized,
    Canceled,
    Captured,
    Declined,
    Goal,
    Payment,
    Step,
    Truth,
)
from services.payments.conftest import PRICE, TOTAL, placed

REQUESTED, AUTHORIZED, CAPTURED, REFUNDED, DECLINED, VOIDED = PaymentStatus
TRUTHS: list[Truth] = [
    Authorized("pi_1"),
    Captured("pi_1"),
    Canceled("pi_1"),
    Declined("insufficient_funds", "pi_1"),
]
ATTEMPTS = st.integers(min_value=1, max_value=10_000)
SHARES = st.floats(min_value=0, max_value=1)


def a_payment(
    status: PaymentStatus = REQUESTED, goal: Goal = Goal.RESERVE, *, attempts: int = 1
) -> Payment:
    return Payment(
        id=PaymentId(5),
        order_id=OrderId(17),
        user_id=UserId(1),
        restaurant_id=RestaurantId(2),
        amount=TOTAL,
        price=PRICE,
        payment_method="pm_card_visa",
        status=status,
        goal=goal,
        charge_key="order-17",
        attempts=attempts,
        version=4,
        created_at=datetime(2026, 2, 28, 18, 30, tzinfo=UTC),
        correlation_id="the-request-behind-it",
    )


@pytest.mark.parametrize(("status", "to"), list(product(PaymentStatus, PaymentStatus)))
def test_a_move_is_made_if_it_is_in_the_table_and_else_refused(
    status: PaymentStatus, to: PaymentStatus
) -> None:
    payment = a_payment(status)

    if to in MOVES[status]:
        after = rules.moved(payment, to)
        assert (after.status, after.version) == (to, 5)
    else:
        with pytest.raises(IllegalMove, match=f"is {status} and can't become {to}"):
            rules.moved(payment, to)
    assert payment == a_payment(status)


def test_every_state_has_its_moves_and_all_but_the_first_are_reached() -> None:
    assert set(MOVES) == set(PaymentStatus)
    assert set().union(*MOVES.values()) == set(PaymentStatus) - {REQUESTED}
    assert MOVES[DECLINED] == MOVES[VOIDED] == frozenset()


def test_a_refused_move_is_a_conflict_with_its_own_code() -> None:
    assert issubclass(IllegalMove, Conflict)
    assert IllegalMove.code == "illegal_move"


@pytest.mark.parametrize(
    ("status", "truth", "after"),
    [
        (REQUESTED, TRUTHS[0], AUTHORIZED),
        (REQUESTED, TRUTHS[1], CAPTURED),
        (REQUESTED, TRUTHS[2], VOIDED),
        (REQUESTED, TRUTHS[3], DECLINED),
        (AUTHORIZED, TRUTHS[0], AUTHORIZED),
        (AUTHORIZED, TRUTHS[1], CAPTURED),
        (AUTHORIZED, TRUTHS[2], VOIDED),
        (CAPTURED, TRUTHS[0], CAPTURED),
        (CAPTURED, TRUTHS[1], CAPTURED),
        (REFUNDED, TRUTHS[0], REFUNDED),
        (REFUNDED, TRUTHS[1], REFUNDED),
        (DECLINED, TRUTHS[3], DECLINED),
        (VOIDED, TRUTHS[0], VOIDED),
        (VOIDED, TRUTHS[2], VOIDED),
    ],
)
def test_a_payment_goes_where_the_provider_says_that_it_is_and_never_back(
    status: PaymentStatus, truth: Truth, after: PaymentStatus
) -> None:
    payment = a_payment(status)

    moves = rules.take_over(payment, truth)

    assert (moves[-1].payment.status if moves else status) is after
    assert [move.payment.version for move in moves] == [5 + n for n in range(len(moves))]


@pytest.mark.parametrize(
    ("status", "truth"),
    [
        (AUTHORIZED, TRUTHS[3]),
        (CAPTURED, TRUTHS[2]),
        (CAPTURED, TRUTHS[3]),
        (DECLINED, TRUTHS[0]),
        (DECLINED, TRUTHS[1]),
        (VOIDED, TRUTHS[1]),
    ],
)
def test_a_contradiction_is_refused(status: PaymentStatus, truth: Truth) -> None:
    with pytest.raises(IllegalMove):
        rules.take_over(a_payment(status), truth)


def test_each_move_on_the_way_is_a_fact() -> None:
    moves = rules.take_over(a_payment(), Captured("pi_9"))

    assert [move.fact for move in moves] == [
        PaymentAuthorized(PaymentId(5), OrderId(17), TOTAL),
        PaymentCaptured(PaymentId(5), OrderId(17), UserId(1), TOTAL),
    ]
    assert moves[-1].payment.provider_reference == "pi_9"


@pytest.mark.parametrize("reference", ["pi_2", None])
def test_a_decline_is_told_with_its_reason(reference: str | None) -> None:
    ((payment, fact),) = rules.take_over(a_payment(), Declined("expired_card", reference))

    assert fact == PaymentDeclined(PaymentId(5), OrderId(17), "expired_card")
    assert (payment.provider_reference, payment.decline_reason) == (reference, "expired_card")


def test_a_decline_that_nobody_waits_for_is_a_void() -> None:
    payment = a_payment(goal=Goal.RELEASE)

    ((voided, fact),) = rules.take_over(payment, TRUTHS[3])

    assert voided.status is VOIDED
    assert fact == PaymentVoided(PaymentId(5), OrderId(17), UserId(1))


STEPS = {
    (REQUESTED, Goal.RESERVE): Step.AUTHORIZE,
    (REQUESTED, Goal.TAKE): Step.AUTHORIZE,
    (REQUESTED, Goal.RELEASE): Step.AUTHORIZE,
    (AUTHORIZED, Goal.TAKE): Step.CAPTURE,
    (AUTHORIZED, Goal.RELEASE): Step.CANCEL,
}


@pytest.mark.parametrize(("status", "goal"), list(product(PaymentStatus, Goal)))
def test_what_is_to_be_done_follows_from_state_and_goal(status: PaymentStatus, goal: Goal) -> None:
    assert rules.next_step(a_payment(status, goal)) is STEPS.get((status, goal))


def test_what_was_never_asked_for_needs_no_provider_to_end() -> None:
    assert rules.next_step(a_payment(goal=Goal.RELEASE, attempts=0)) is Step.VOID


@given(st.lists(st.sampled_from(Goal)))
def test_a_goal_only_goes_forward(goals: list[Goal]) -> None:
    payment, furthest = a_payment(AUTHORIZED), Goal.RESERVE

    for goal in goals:
        payment = rules.aim(payment, goal)
        furthest = max(furthest, goal, key=list(Goal).index)
        assert payment.goal is furthest


def test_attempts_are_counted_anew_when_something_else_is_asked_for() -> None:
    assert rules.aim(a_payment(AUTHORIZED, attempts=3), Goal.TAKE).attempts == 0
    assert rules.aim(a_payment(REQUESTED, attempts=3), Goal.RELEASE).attempts == 3


@pytest.mark.parametrize(("status", "told"), list(product(PaymentStatus, PaymentStatus)))
def test_only_what_lies_ahead_is_news(status: PaymentStatus, told: PaymentStatus) -> None:
    ahead = {
        REQUESTED: set(PaymentStatus) - {REQUESTED},
        AUTHORIZED: {CAPTURED, REFUNDED, VOIDED},
    }

    payment = rules.tell(a_payment(status), told)

    assert rules.has_news(payment) == (told in ahead.get(status, set()))
    assert rules.is_due(payment) or payment == a_payment(status)


@given(st.lists(st.sampled_from(TRUTHS)), st.sampled_from(Goal))
def test_on_any_walk_the_version_counts_the_moves_and_money_and_key_never_change(
    walk: list[Truth], goal: Goal
) -> None:
    first = payment = a_payment(goal=goal)
    count = 0

    for truth in walk:
        with suppress(IllegalMove):
            for move in rules.take_over(payment, truth):
                assert move.payment.status in MOVES[payment.status]
                payment, count = move.payment, count + 1
    assert payment.version == first.version + count

    unmoved = msgspec.structs.replace(
        payment, status=REQUESTED, version=4, provider_reference=None, decline_reason=None
    )
    assert unmoved == first


def test_a_price_without_parts_is_all_subtotal() -> None:
    price = rules.parts(msgspec.structs.replace(placed(), price=None))

    assert price == PriceParts(TOTAL, Money(0), Money(0), Money(0))


def test_parts_that_are_not_the_whole_are_refused() -> None:
    with pytest.raises(ValueError, match="not its total"):
        rules.parts(msgspec.structs.replace(placed(), total=Money(2501)))


def test_the_world_sees_the_payment_but_not_how_it_is_paid() -> None:
    shown = rules.shown(a_payment(CAPTURED))

    assert (shown.id, shown.order_id, shown.status) == (5, 17, CAPTURED)
    assert (str(shown.amount), shown.currency) == ("25.00", "EUR")
    assert (str(shown.captured), str(shown.refunded)) == ("25.00", "0.00")
    assert not {"payment_method", "charge_key"} & set(shown.__struct_fields__)
