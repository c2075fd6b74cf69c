"""The comparison of what was answered with what is there: each broken promise is found."""

import pytest

from chaos.log import PLACE, Answered, Asked
from chaos.verdict import Found, Truth, Violation, Wrong, violations
from ordereats.contracts.orders import OrderStatus
from ordereats.topology.city.simulation.stage import ENDED

OPEN = sorted(set(OrderStatus) - ENDED)


def asked(answered: Answered, *, key: str = "wish", made: int | None = None) -> Asked:
    return Asked(1.0, 0.2, PLACE, "/orders", answered, key=key, why="503 busy", made=made)


def an_order(order_id: int, *, key: str | None = "wish") -> Found:
    return Found(order_id, OrderStatus.DELIVERED, key)


def truth(
    *orders: Found,
    charges: dict[int, int] | None = None,
    off: tuple[int, ...] = (),
    waiting: dict[str, int] | None = None,
    findings: tuple[tuple[str, str], ...] = (),
) -> Truth:
    return Truth(
        orders=orders, charges=charges or {}, off=off, waiting=waiting or {}, findings=findings
    )


def wrongs(found: tuple[Violation, ...]) -> list[tuple[Wrong, str]]:
    return [(each.wrong, each.subject) for each in found]


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        (asked(Answered.OK, made=1), (an_order(1),)),
        (asked(Answered.FAILED), ()),
        (asked(Answered.UNKNOWN), ()),
        (asked(Answered.UNKNOWN), (an_order(1),)),
    ],
    ids=["taken", "refused", "unknown and not done", "unknown and done"],
)
def test_nothing_is_wrong_where_every_answer_was_true(
    answer: Asked, there: tuple[Found, ...]
) -> None:
    assert violations([answer], truth(*there, charges={1: 1})) == ()


def test_an_order_that_was_answered_and_is_not_there_is_lost() -> None:
    found = violations([asked(Answered.OK, made=7)], truth())

    assert wrongs(found) == [(Wrong.LOST, "order 7")]


def test_an_order_that_is_there_under_another_id_than_was_answered_is_lost() -> None:
    found = violations([asked(Answered.OK, made=7)], truth(an_order(8)))

    assert wrongs(found) == [(Wrong.LOST, "order 7")]


@pytest.mark.parametrize("answered", [Answered.OK, Answered.UNKNOWN])
def test_two_orders_of_one_wish_are_one_too_many(answered: Answered) -> None:
    found = violations([asked(answered, made=1)], truth(an_order(1), an_order(2)))

    assert wrongs(found) == [(Wrong.DUPLICATED, "order 1, 2")]


def test_an_order_that_was_refused_and_is_there_is_unexpected() -> None:
    found = violations([asked(Answered.FAILED)], truth(an_order(3)))

    assert wrongs(found) == [(Wrong.UNEXPECTED, "order 3")]


def test_orders_of_others_are_no_concern_of_the_log() -> None:
    assert violations([], truth(an_order(1, key=None), an_order(2, key=None))) == ()


@pytest.mark.parametrize("status", OPEN)
def test_an_order_without_an_end_is_stuck(status: OrderStatus) -> None:
    found = violations([], truth(Found(4, status, None)))

    assert wrongs(found) == [(Wrong.STUCK, "order 4")]


def test_what_still_waits_is_stuck() -> None:
    waiting = {"outbox of orders": 2, "inbox of kitchen": 0, "dead letters": 1}

    found = violations([], truth(waiting=waiting))

    assert wrongs(found) == [(Wrong.STUCK, "outbox of orders"), (Wrong.STUCK, "dead letters")]


def test_an_order_that_was_charged_twice_is_wrong() -> None:
    found = violations([], truth(an_order(5), charges={5: 2}))

    assert wrongs(found) == [(Wrong.MONEY, "order 5")]


def test_a_payment_that_does_not_fit_the_end_of_its_order_is_wrong() -> None:
    assert wrongs(violations([], truth(off=(6,)))) == [(Wrong.MONEY, "order 6")]


def test_what_the_audit_finds_is_wrong() -> None:
    found = violations([], truth(findings=(("The ledger balances.", "journal/1 is off"),)))

    assert found == (Violation(Wrong.AUDIT, "The ledger balances.", "journal/1 is off"),)
