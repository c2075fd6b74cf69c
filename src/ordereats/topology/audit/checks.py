"""What must always hold, each a function over what was read. Pure: no I/O, no clock."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from ordereats.contracts.deliveries import DeliveryStatus
from ordereats.contracts.kitchen import TicketStatus
from ordereats.contracts.money import CURRENCY
from ordereats.contracts.orders import OrderStatus
from ordereats.contracts.payments import PaymentStatus
from ordereats.services.orders.domain import MOVES
from ordereats.topology.audit.rows import Delivery, Entry, Order, Payment, Snapshot, Ticket

OUTBOX_PATIENCE_S = 60.0
"""How long a fact may wait to be published."""

_ENDS = frozenset(status for status, following in MOVES.items() if not following)
_WITHOUT_FOOD = frozenset({OrderStatus.ACCEPTED, OrderStatus.READY})
_BROUGHT_NOW = frozenset({DeliveryStatus.ASSIGNED, DeliveryStatus.PICKED_UP})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is off.

    Attributes:
        subject: what it is about, such as `order/17`.
    """

    subject: str
    message: str


Findings = Iterator[Finding]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must always hold.

    Attributes:
        claim: what holds, as a sentence.
        find: where it does not, given the grace in seconds: what is younger is still under way.
        examined: how many things it looked at.
        needs_provider: it can't be made without the provider's ledger.
    """

    claim: str
    find: Callable[[Snapshot, float], Findings]
    examined: Callable[[Snapshot], int]
    needs_provider: bool = False


def answers_are_orders(it: Snapshot, _grace_s: float) -> Findings:
    """Whoever was told 201 has an order. Both are stored at once, so there is no grace."""
    known = {order.id for order in it.orders}
    for answer in it.answers:
        if answer.order_id not in known:
            yield Finding(f"order/{answer.order_id}", f"was answered to {answer.key} and is lost")


def orders_are_followed(it: Snapshot, grace_s: float) -> Findings:
    """An order has its payment, a paid one its ticket, an accepted one its delivery."""
    placed = [(each.id, each.age_s) for each in it.orders]
    paid = [(each.order_id, each.age_s) for each in it.moves if each.status is OrderStatus.PAID]
    accepted = [
        (each.order_id, each.age_s) for each in it.moves if each.status is OrderStatus.ACCEPTED
    ]
    for what, due, done in (
        ("payment", placed, it.payments),
        ("ticket", paid, it.tickets),
        ("delivery", accepted, it.deliveries),
    ):
        there = {each.order_id for each in done}
        for order_id, age_s in due:
            if age_s > grace_s and order_id not in there:
                yield Finding(f"order/{order_id}", f"has no {what} after {age_s:.0f} s")


def effects_have_their_order(it: Snapshot, grace_s: float) -> Findings:
    """Nothing is paid, cooked or brought that nobody ordered."""
    known = {order.id for order in it.orders}
    for what, done in (
        ("payment", it.payments),
        ("ticket", it.tickets),
        ("delivery", it.deliveries),
    ):
        for each in done:
            if each.age_s > grace_s and each.order_id not in known:
                yield Finding(f"{what}/{each.id}", f"is for order {each.order_id}, which is lost")


def effects_are_noted(it: Snapshot, _grace_s: float) -> Findings:
    """What was done about a fact stands in an inbox, or it may be done again. Both commit together.

    An inbox forgets after a week.
    """
    for what, done in (
        ("payment", it.payments),
        ("ticket", it.tickets),
        ("delivery", it.deliveries),
    ):
        for each in done:
            if not each.is_noted:
                said = f"follows from order {each.order_id}, and no inbox has noted it"
                yield Finding(f"{what}/{each.id}", said)


def effects_happen_once(it: Snapshot, _grace_s: float) -> Findings:
    """One payment, ticket and delivery for an order, one effect for a message, one message told."""
    for what, done in (
        ("payments", it.payments),
        ("tickets", it.tickets),
        ("deliveries", it.deliveries),
    ):
        for order_id, times in Counter(each.order_id for each in done).items():
            if times > 1:
                yield Finding(f"order/{order_id}", f"has {times} {what}")
    for message in it.received:
        if message.times > 1:
            said = f"was received {message.times} times by {message.consumer}"
            yield Finding(f"message/{message.message_id}", said)
    for told in it.told:
        said = f"{told.fact} was told {told.times} times to {told.receiver} {told.receiver_id}"
        yield Finding(f"order/{told.order_id}", said)


def money_is_kept_for_deliveries_alone(it: Snapshot, grace_s: float) -> Findings:
    """Charges minus refunds is the total of a delivered order, and 0 of one that ended otherwise.

    What was refunded of a delivered order later has its refund, and counts as kept by the rule.
    """
    payments = {each.order_id: each for each in it.payments}
    for order in it.orders:
        payment = payments.get(order.id)
        if payment is not None:
            for message in _wrongs_of_money(order, payment, grace_s):
                yield Finding(f"order/{order.id}", message)


def the_ledger_balances(it: Snapshot, _grace_s: float) -> Findings:
    """A journal adds up to 0, and what lies at the provider is what a payment has kept."""
    at_provider: Counter[int] = Counter()
    for journal in it.journals:
        at_provider[journal.payment_id] += journal.provider_minor
        if journal.balance_minor:
            said = f"is off by {_money(journal.balance_minor)}"
            yield Finding(f"journal/{journal.id}", said)
    for payment in it.payments:
        if at_provider[payment.id] != payment.kept_minor:
            said = (
                f"has kept {_money(payment.kept_minor)}, and the ledger says"
                f" {_money(at_provider[payment.id])}"
            )
            yield Finding(f"payment/{payment.id}", said)


def the_provider_agrees(it: Snapshot, grace_s: float) -> Findings:
    """The provider has the same figure for each payment, and no charge that nobody knows of."""
    ended = {each.id for each in it.orders if each.status in _ENDS and each.still_s > grace_s}
    just_moved = {each.payment_id for each in it.journals if each.age_s <= grace_s}
    of_intent: dict[str, list[Entry]] = defaultdict(list)
    for entry in it.entries or ():
        of_intent[entry.intent].append(entry)
    for payment in it.payments:
        entries = of_intent.pop(payment.provider_reference or "", [])
        if payment.id not in just_moved and _are_settled(entries, grace_s):
            theirs = _kept(entries)
            if theirs != payment.kept_minor:
                said = f"has kept {_money(payment.kept_minor)}, the provider says {_money(theirs)}"
                yield Finding(f"payment/{payment.id}", said)
            if payment.order_id in ended and _is_reserved(entries):
                yield Finding(f"payment/{payment.id}", "is still reserved at the provider")
    for intent, entries in of_intent.items():
        has_money = _kept(entries) != 0 or _is_reserved(entries)
        if has_money and _are_settled(entries, grace_s):
            said = f"at the provider is of order {entries[0].order_id}, and no payment knows of it"
            yield Finding(intent, said)


def histories_are_paths(it: Snapshot, _grace_s: float) -> Findings:
    """The moves of an order lead from `pending` to its state, each by the table of moves."""
    moves = defaultdict(list)
    for move in sorted(it.moves, key=lambda each: each.version):
        moves[move.order_id].append(move)
    for order in it.orders:
        history = moves[order.id]
        states = [OrderStatus.PENDING, *(each.status for each in history)]
        versions = [each.version for each in history]
        for before, after in pairwise(states):
            if after not in MOVES[before]:
                yield Finding(f"order/{order.id}", f"went from {before} to {after}")
        if states[-1] is not order.status:
            said = f"is {order.status}, and its history ends with {states[-1]}"
            yield Finding(f"order/{order.id}", said)
        if versions != list(range(2, order.version + 1)):
            said = f"is at version {order.version}, and its history has {versions}"
            yield Finding(f"order/{order.id}", said)


def deadlines_are_kept(it: Snapshot, grace_s: float) -> Findings:
    """What has to happen until some time has happened, or its order has ended."""
    status = {order.id: order.status for order in it.orders}
    for order in it.orders:
        if order.status not in _ENDS and _is_over(order.overdue_s, grace_s):
            yield Finding(f"order/{order.id}", f"is {order.status} past its deadline")
    for ticket in it.tickets:
        if _is_over(ticket.overdue_s, grace_s):
            yield from _late_ticket(ticket, status.get(ticket.order_id))
    for delivery in it.deliveries:
        if _is_over(delivery.offer_overdue_s, grace_s):
            yield Finding(f"delivery/{delivery.id}", "is offered, and the offer is over")
        if _is_over(delivery.search_overdue_s, grace_s):
            yield from _late_search(delivery, status.get(delivery.order_id))


def couriers_bring_one_at_a_time(it: Snapshot, _grace_s: float) -> Findings:
    """No courier has two deliveries."""
    active = (each.courier_id for each in it.deliveries if each.status in _BROUGHT_NOW)
    for courier_id, times in Counter(active).items():
        if times > 1:
            yield Finding(f"courier/{courier_id}", f"has {times} deliveries at once")


def what_was_brought_is_delivered(it: Snapshot, grace_s: float) -> Findings:
    """A delivery that was made has a delivered order.

    An operator's cancel may have overtaken it: then the courier is paid all the same, and a person
    should know that somebody ate for nothing.
    """
    status = {order.id: order.status for order in it.orders}
    for delivery in it.deliveries:
        if delivery.status is DeliveryStatus.DELIVERED and _is_over(delivery.brought_s, grace_s):
            order = status.get(delivery.order_id, OrderStatus.DELIVERED)  # a lost one is known of
            if order is not OrderStatus.DELIVERED:
                said = f"was delivered, and its order {delivery.order_id} is {order}"
                yield Finding(f"delivery/{delivery.id}", said)


def outboxes_empty_themselves(it: Snapshot, _grace_s: float) -> Findings:
    """A fact is published within a minute."""
    for fact in it.unpublished:
        if fact.age_s > OUTBOX_PATIENCE_S:
            said = f"{fact.type} of {fact.source} has waited for {fact.age_s:.0f} s"
            yield Finding(fact.subject, said)


def no_message_is_parked(it: Snapshot, _grace_s: float) -> Findings:
    """What a consumer could not handle needs a person."""
    for message in it.received:
        if message.state == "parked":
            said = f"{message.type} is parked in {message.consumer}: {message.last_error}"
            yield Finding(f"message/{message.message_id}", said)


def _count(*names: str) -> Callable[[Snapshot], int]:
    return lambda it: sum(len(getattr(it, name) or ()) for name in names)


CHECKS: Sequence[Check] = (
    Check("every 201 is an order", answers_are_orders, _count("answers")),
    Check("every order is followed", orders_are_followed, _count("orders")),
    Check(
        "every effect has its order",
        effects_have_their_order,
        _count("payments", "tickets", "deliveries"),
    ),
    Check(
        "every effect is noted",
        effects_are_noted,
        _count("payments", "tickets", "deliveries"),
    ),
    Check(
        "no effect happens twice",
        effects_happen_once,
        lambda it: (
            it.received_in_all + it.told_in_all + _count("payments", "tickets", "deliveries")(it)
        ),
    ),
    Check(
        "money is kept for deliveries alone",
        money_is_kept_for_deliveries_alone,
        _count("payments"),
    ),
    Check("the ledger balances", the_ledger_balances, _count("journals")),
    Check(
        "the provider agrees",
        the_provider_agrees,
        _count("payments", "entries"),
        needs_provider=True,
    ),
    Check("every history is a path", histories_are_paths, _count("orders", "moves")),
    Check("every deadline is kept", deadlines_are_kept, _count("orders", "tickets", "deliveries")),
    Check("no courier has two deliveries", couriers_bring_one_at_a_time, _count("deliveries")),
    Check("what was brought is delivered", what_was_brought_is_delivered, _count("deliveries")),
    Check("every fact is published", outboxes_empty_themselves, _count("unpublished")),
    Check("no message is parked", no_message_is_parked, lambda it: it.received_in_all),
)


def _wrongs_of_money(order: Order, payment: Payment, grace_s: float) -> Iterable[str]:
    if payment.amount_minor != order.total_minor:
        yield f"costs {_money(order.total_minor)}, its payment is {_money(payment.amount_minor)}"
    if payment.refunded_minor != payment.refunds_minor:
        yield (
            f"was refunded {_money(payment.refunded_minor)}, and its refunds add up to"
            f" {_money(payment.refunds_minor)}"
        )
    if order.still_s <= grace_s or order.status not in _ENDS:
        return
    if order.status is OrderStatus.DELIVERED:
        if payment.kept_minor != order.total_minor - payment.refunds_minor:
            yield f"was delivered, and its payment is {payment.status}"
    elif payment.kept_minor:
        yield f"is {order.status}, and {_money(payment.kept_minor)} of it are kept"
    elif payment.status in {PaymentStatus.REQUESTED, PaymentStatus.AUTHORIZED}:
        yield f"is {order.status}, and its payment is still {payment.status}"


def _kept(entries: Sequence[Entry]) -> int:
    sign = {"captured": 1, "refunded": -1, "refund_failed": 1}
    return sum(sign.get(each.kind, 0) * each.amount_minor for each in entries)


def _is_reserved(entries: Sequence[Entry]) -> bool:
    kinds = {each.kind for each in entries}
    return "authorized" in kinds and not kinds & {"captured", "canceled"}


def _are_settled(entries: Sequence[Entry], grace_s: float) -> bool:
    return all(each.age_s > grace_s for each in entries)


def _late_ticket(ticket: Ticket, order: OrderStatus | None) -> Findings:
    if ticket.status is TicketStatus.NEW:
        yield Finding(f"ticket/{ticket.id}", "was not accepted in time, and not expired")
    elif order is OrderStatus.PAID:
        said = f"is still paid, long after its ticket was {ticket.status}"
        yield Finding(f"order/{ticket.order_id}", said)


def _late_search(delivery: Delivery, order: OrderStatus | None) -> Findings:
    if delivery.status is DeliveryStatus.SEARCHING:
        yield Finding(f"delivery/{delivery.id}", "still searches, and its time is over")
    elif delivery.status is DeliveryStatus.CANCELLED and order in _WITHOUT_FOOD:
        yield Finding(f"order/{delivery.order_id}", f"is still {order}, and nobody brings it")


def _is_over(overdue_s: float | None, grace_s: float) -> bool:
    return overdue_s is not None and overdue_s > grace_s


def _money(minor: int) -> str:
    return f"{Decimal(minor).scaleb(-2)} {CURRENCY}"
