"""The rules of a ticket: its moves, its facts, its time."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordereats.chassis.errors import Conflict, IllegalMove, Invalid
from ordereats.contracts.ids import DishId, OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import (
    TicketAccepted,
    TicketCancelled,
    TicketCreated,
    TicketDelayed,
    TicketExpired,
    TicketReady,
    TicketRejected,
    TicketStatus,
)
from ordereats.contracts.orders import OrderedDish
from ordereats.services.kitchen import domain
from ordereats.services.kitchen.domain import (
    ENDED,
    MOVES,
    NOT_COOKED,
    AlreadyAccepted,
    Expired,
    Ticket,
)

NOW = datetime(2026, 2, 28, 18, 30, tzinfo=UTC)
IN_TIME = NOW + timedelta(minutes=5)
ABOUT = (TicketId(9), OrderId(17), RestaurantId(3))


def a_ticket(status: TicketStatus = TicketStatus.NEW, **changes: Any) -> Ticket:
    is_cooked = status not in {TicketStatus.NEW, *NOT_COOKED}
    ticket = Ticket(
        *ABOUT,
        status=status,
        items=(OrderedDish(2, "Phở", DishId(4)), OrderedDish(1, "Tea")),
        notes="No coriander",
        created_at=NOW,
        accept_by=IN_TIME,
        version=1,
        correlation_id="the-request-behind-it",
        ready_at=NOW if is_cooked else None,
    )
    return msgspec.structs.replace(ticket, **changes)


def moved(change: Ticket | tuple[Ticket, object]) -> Ticket:
    return change[0] if isinstance(change, tuple) else change


WAYS: dict[TicketStatus, Callable[[Ticket], Ticket]] = {
    TicketStatus.ACCEPTED: lambda ticket: moved(domain.accept(ticket, 20, now=NOW)),
    TicketStatus.REJECTED: lambda ticket: moved(domain.reject(ticket, "No", (), now=NOW)),
    TicketStatus.EXPIRED: lambda ticket: moved(domain.expire(ticket)),
    TicketStatus.READY: lambda ticket: moved(domain.ready(ticket)),
    TicketStatus.HANDED_OVER: domain.hand_over,
    TicketStatus.CANCELLED: domain.cancel,
}
"""What brings a ticket into each state but the first."""


def test_every_state_has_its_moves_and_every_move_its_way() -> None:
    assert set(MOVES) == set(TicketStatus)
    reached = set().union(*MOVES.values())
    assert reached == set(WAYS) == set(TicketStatus) - {TicketStatus.NEW}


def test_a_ticket_has_ended_when_it_was_handed_over_or_will_not_be_cooked() -> None:
    assert {TicketStatus.HANDED_OVER} | NOT_COOKED == ENDED


@pytest.mark.parametrize(("status", "to"), list(product(TicketStatus, WAYS)))
def test_a_move_is_made_if_it_is_in_the_table_and_else_refused(
    status: TicketStatus, to: TicketStatus
) -> None:
    ticket = a_ticket(status, version=4)

    if to in MOVES[status]:
        after = WAYS[to](ticket)
        assert (after.status, after.version) == (to, 5)
    else:
        with pytest.raises(IllegalMove):
            WAYS[to](ticket)
    assert ticket == a_ticket(status, version=4)


@given(st.lists(st.sampled_from(list(WAYS))))
def test_on_any_walk_the_version_counts_the_moves_and_the_order_stays(
    walk: list[TicketStatus],
) -> None:
    ticket, moves = a_ticket(), 0

    for to in walk:
        is_legal = to in MOVES[ticket.status]
        before = ticket
        with suppress(IllegalMove):
            ticket = WAYS[to](ticket)
        moves += is_legal
        assert ticket.status == (to if is_legal else before.status)
        assert ticket.version == 1 + moves

    kept = ("id", "order_id", "restaurant_id", "items", "notes", "created_at", "accept_by")
    assert all(getattr(ticket, name) == getattr(a_ticket(), name) for name in kept)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(IllegalMove, "illegal_move"), (Expired, "expired"), (AlreadyAccepted, "already_accepted")],
)
def test_a_refusal_is_a_conflict_with_its_own_code(refusal: type[Conflict], code: str) -> None:
    assert issubclass(refusal, Conflict)
    assert refusal.code == code


def test_a_new_ticket_is_told_with_its_time() -> None:
    assert domain.created(a_ticket()) == TicketCreated(*ABOUT, IN_TIME)


@given(st.integers(min_value=1, max_value=180))
def test_food_is_promised_for_when_the_kitchen_said(minutes: int) -> None:
    accepted, fact = domain.accept(a_ticket(), minutes, now=NOW)

    assert accepted.ready_at == NOW + timedelta(minutes=minutes)
    assert accepted.prep_minutes == minutes
    assert fact == TicketAccepted(*ABOUT, NOW + timedelta(minutes=minutes))


@given(st.lists(st.integers(min_value=1, max_value=180)))
def test_delays_add_up(delays: list[int]) -> None:
    ticket, _ = domain.accept(a_ticket(), 20, now=NOW)

    for each in delays:
        ticket, fact = domain.delay(ticket, each)
        assert fact == TicketDelayed(*ABOUT, ticket.ready_at or NOW)

    assert ticket.ready_at == NOW + timedelta(minutes=20 + sum(delays))
    assert (ticket.status, ticket.version) == (TicketStatus.ACCEPTED, 2 + len(delays))


@pytest.mark.parametrize("status", sorted(set(TicketStatus) - {TicketStatus.ACCEPTED}))
def test_only_what_is_cooked_can_be_delayed(status: TicketStatus) -> None:
    with pytest.raises(IllegalMove):
        domain.delay(a_ticket(status), 10)


@pytest.mark.parametrize("late_by_s", [0, 0.001, 3600])
def test_a_new_ticket_whose_time_is_over_is_neither_accepted_nor_rejected(late_by_s: float) -> None:
    late = IN_TIME + timedelta(seconds=late_by_s)

    with pytest.raises(Expired, match="had to be accepted by 18:35:00 UTC"):
        domain.accept(a_ticket(), 20, now=late)
    with pytest.raises(Expired):
        domain.reject(a_ticket(), "No more fish", (), now=late)


def test_an_expired_ticket_is_refused_with_the_same_word() -> None:
    with pytest.raises(Expired):
        domain.accept(a_ticket(TicketStatus.EXPIRED), 20, now=NOW)


def test_up_to_its_time_a_ticket_can_be_accepted() -> None:
    just_before = IN_TIME - timedelta(microseconds=1)

    accepted, _ = domain.accept(a_ticket(), 20, now=just_before)

    assert accepted.status is TicketStatus.ACCEPTED


def test_what_was_accepted_has_no_time_to_miss() -> None:
    with pytest.raises(IllegalMove) as refusal:
        domain.accept(a_ticket(TicketStatus.ACCEPTED), 20, now=IN_TIME)

    assert refusal.value.code == "illegal_move"


def test_a_rejection_tells_its_reason_and_each_sold_out_dish_once() -> None:
    rejected, fact = domain.reject(a_ticket(), "No more fish", (DishId(4), DishId(4)), now=NOW)

    assert rejected.reason == "No more fish"
    assert fact == TicketRejected(*ABOUT, "No more fish", (DishId(4),))


def test_only_dishes_of_the_order_can_be_sold_out_by_it() -> None:
    with pytest.raises(Invalid) as refusal:
        domain.reject(a_ticket(), "No", (DishId(4), DishId(5)), now=NOW)

    assert [each.path for each in refusal.value.problems] == ["soldOut[1]"]


def test_expiry_readiness_and_withdrawal_are_told() -> None:
    assert domain.expire(a_ticket())[1] == TicketExpired(*ABOUT)
    assert domain.ready(a_ticket(TicketStatus.ACCEPTED))[1] == TicketReady(*ABOUT)
    assert domain.withdraw(a_ticket())[1] == TicketCancelled(OrderId(17), RestaurantId(3))


@pytest.mark.parametrize("status", sorted(set(TicketStatus) - {TicketStatus.NEW} - NOT_COOKED))
def test_what_the_kitchen_took_can_not_be_withdrawn(status: TicketStatus) -> None:
    with pytest.raises(AlreadyAccepted):
        domain.withdraw(a_ticket(status))


def test_a_kitchen_sees_the_ticket_but_not_where_it_was_asked_from() -> None:
    ticket = a_ticket(TicketStatus.ACCEPTED, prep_minutes=20)

    shown = domain.shown(ticket)

    names = set(shown.__struct_fields__)
    assert set(ticket.__struct_fields__) - names == {"correlation_id", "traceparent"}
    assert all(getattr(shown, name) == getattr(ticket, name) for name in names)
