"""What payments says: what was asked of the provider and what it answered."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from ordereats.contracts.events import Event
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.money import CURRENCY, Money
from ordereats.contracts.wire import Answer


class PaymentStatus(StrEnum):
    """Where a payment is in its own life, which is not the order's."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    DECLINED = "declined"


class Payment(Answer, frozen=True):
    """The money of one order.

    Attributes:
        attempts: how often the provider was asked; always about the same charge.
        provider_reference: the provider's id of the charge, once there is one.
    """

    id: PaymentId
    order_id: OrderId
    amount: Decimal
    status: PaymentStatus
    attempts: int
    created_at: datetime
    currency: str = CURRENCY
    provider_reference: str | None = None
    decline_reason: str | None = None


class PaymentAuthorized(Event, frozen=True, tag="ordereats.payment.authorized.v1"):
    """The provider has reserved the money."""

    payment_id: PaymentId
    order_id: OrderId
    amount: Money


class PaymentDeclined(Event, frozen=True, tag="ordereats.payment.declined.v1"):
    """The provider has said no, finally.

    Attributes:
        reason: the provider's stable word for it.
    """

    payment_id: PaymentId
    order_id: OrderId
    reason: str
