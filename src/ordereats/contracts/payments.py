"""What payments says: what was asked of the provider, what it answered, and whose the money is."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from ordereats.contracts.events import Event
from ordereats.contracts.ids import (
    OrderId,
    PaymentId,
    RefundId,
    UserId,
)
from ordereats.contracts.money import CURRENCY, Money
from ordereats.contracts.orders import Reason
from ordereats.contracts.wire import Answer, Body


class PaymentStatus(StrEnum):
    """Where a payment is in its own life, which is not the order's."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    REFUNDED = "refunded"
    DECLINED = "declined"
    VOIDED = "voided"


class RefundStatus(StrEnum):
    """Where a refund is in its life."""

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Payment(Answer, frozen=True):
    """The money of one order.

    Attributes:
        attempts: how often the provider was asked for what is done or due now.
        captured: what was taken.
        refunded: what was given back of it, at most what was captured.
        provider_reference: the provider's id of the charge, once there is one.
    """

    id: PaymentId
    order_id: OrderId
    amount: Decimal
    status: PaymentStatus
    attempts: int
    created_at: datetime
    captured: Decimal
    refunded: Decimal
    currency: str = CURRENCY
    provider_reference: str | None = None
    decline_reason: str | None = None


class AskRefund(Body, frozen=True):
    """Money that is to go back to the customer.

    Attributes:
        amount: at most what is captured and not yet refunded or about to be; without it, all that.
    """

    reason: Reason
    amount: Annotated[
        Decimal | None, Meta(description="Above 0, at most 2 decimals; a number or a string.")
    ] = None


class Refund(Answer, frozen=True):
    """Money that goes back to the customer."""

    id: RefundId
    payment_id: PaymentId
    amount: Decimal
    status: RefundStatus
    reason: str
    created_at: datetime
    currency: str = CURRENCY


class Account(StrEnum):
    """Whose money an entry of the ledger is about."""

    CUSTOMER = "customer"
    RESTAURANT = "restaurant"
    COURIER = "courier"
    PLATFORM = "platform"
    PROVIDER = "provider"


class Posting(Answer, frozen=True):
    """One line of a journal.

    Attributes:
        owner: which restaurant or courier, and so on; None for the platform and the provider.
        amount: what the account gains; negative: what it gives.
    """

    account: Account
    owner: int | None
    amount: Decimal


class Journal(Answer, frozen=True):
    """Lines that belong together; their amounts add up to 0."""

    id: int
    payment_id: PaymentId
    order_id: OrderId
    kind: str
    at: datetime
    postings: tuple[Posting, ...]


class PayoutLine(Answer, frozen=True):
    """What one order means to a restaurant or a courier."""

    order_id: OrderId
    kind: str
    at: datetime
    amount: Decimal


class Payout(Answer, frozen=True):
    """What a restaurant or a courier is owed for a time; `total` is the sum of its lines."""

    account: Account
    owner: int
    since: datetime
    until: datetime
    lines: tuple[PayoutLine, ...]
    total: Decimal
    currency: str = CURRENCY


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


class PaymentCaptured(Event, frozen=True, tag="ordereats.payment.captured.v1"):
    """The money was taken."""

    payment_id: PaymentId
    order_id: OrderId
    user_id: UserId
    amount: Money


class PaymentVoided(Event, frozen=True, tag="ordereats.payment.voided.v1"):
    """The reservation was let go, or never made; nothing was taken."""

    payment_id: PaymentId
    order_id: OrderId
    user_id: UserId


class PaymentRefunded(Event, frozen=True, tag="ordereats.payment.refunded.v1"):
    """Money went back to the customer.

    Attributes:
        amount: of this refund; several may follow one another.
    """

    payment_id: PaymentId
    order_id: OrderId
    user_id: UserId
    refund_id: RefundId
    amount: Money
    reason: str
