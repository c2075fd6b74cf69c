"""What the audit reads, as plain values. Ages are in seconds, by the clock of whoever was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from ordereats.contracts.deliveries import DeliveryStatus
from ordereats.contracts.kitchen import TicketStatus
from ordereats.contracts.orders import OrderStatus
from ordereats.contracts.payments import PaymentStatus


class Order(Struct, frozen=True):
    """An order.

    Attributes:
        age_s: since it was placed.
        still_s: since its last move.
        overdue_s: since its own deadline, while it has one; below 0: it is to come.
    """

    id: int
    status: OrderStatus
    version: int
    total_minor: int
    age_s: float
    still_s: float
    overdue_s: float | None


class Move(Struct, frozen=True):
    """A move of an order."""

    order_id: int
    version: int
    status: OrderStatus
    age_s: float


class Payment(Struct, frozen=True):
    """A payment.

    Attributes:
        is_noted: what it follows from stands in an inbox.
        refunds_minor: the sum of its refunds that succeeded.
    """

    id: int
    order_id: int
    status: PaymentStatus
    amount_minor: int
    refunded_minor: int
    refunds_minor: int
    provider_reference: str | None
    age_s: float
    is_noted: bool

    @property
    def kept_minor(self) -> int:
        """Charges minus refunds."""
        was_taken = self.status in {PaymentStatus.CAPTURED, PaymentStatus.REFUNDED}
        return self.amount_minor - self.refunded_minor if was_taken else 0


class Journal(Struct, frozen=True):
    """A journal of the ledger.

    Attributes:
        balance_minor: the sum of its postings.
        provider_minor: the sum of those of the provider's account.
    """

    id: int
    payment_id: int
    balance_minor: int
    provider_minor: int
    age_s: float


class Ticket(Struct, frozen=True):
    """A kitchen's ticket.

    Attributes:
        is_noted: what it follows from stands in an inbox.
        overdue_s: since the time by which it had to be accepted.
    """

    id: int
    order_id: int
    status: TicketStatus
    age_s: float
    overdue_s: float
    is_noted: bool


class Delivery(Struct, frozen=True):
    """A delivery.

    Attributes:
        is_noted: what it follows from stands in an inbox.
        search_overdue_s: since the search for a courier had to end.
        offer_overdue_s: since its offer lapsed, while it is offered.
        brought_s: since the customer had it, once that is so.
    """

    id: int
    order_id: int
    status: DeliveryStatus
    courier_id: int | None
    age_s: float
    search_overdue_s: float
    offer_overdue_s: float | None
    brought_s: float | None
    is_noted: bool


class Answer(Struct, frozen=True):
    """A 201 that was kept with its idempotency key."""

    key: str
    order_id: int


class Unpublished(Struct, frozen=True):
    """A fact that waits to be published."""

    source: str
    subject: str
    type: str
    age_s: float


class Received(Struct, frozen=True):
    """A message in an inbox that needs a person, or that is there more than once."""

    consumer: str
    message_id: str
    type: str
    state: Literal["done", "waiting", "parked"]
    times: int
    last_error: str | None


class Told(Struct, frozen=True):
    """A fact, and how many messages one receiver has about it, where that is more than one."""

    receiver: str
    receiver_id: int
    order_id: int
    fact: str
    times: int


class Entry(Struct, frozen=True):
    """A line of the provider's ledger.

    Attributes:
        order_id: as it was told; None where it was not.
    """

    kind: str
    intent: str
    amount_minor: int
    order_id: str | None
    age_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """Everything, each database as it was at one moment.

    Attributes:
        received: only those that are parked or there twice.
        received_in_all: messages in all inboxes.
        told: only what was told twice.
        told_in_all: all notifications.
        entries: None: the provider shows no ledger.
    """

    orders: Sequence[Order] = ()
    moves: Sequence[Move] = ()
    answers: Sequence[Answer] = ()
    payments: Sequence[Payment] = ()
    journals: Sequence[Journal] = ()
    tickets: Sequence[Ticket] = ()
    deliveries: Sequence[Delivery] = ()
    unpublished: Sequence[Unpublished] = ()
    received: Sequence[Received] = ()
    received_in_all: int = 0
    told: Sequence[Told] = ()
    told_in_all: int = 0
    entries: Sequence[Entry] | None = None
