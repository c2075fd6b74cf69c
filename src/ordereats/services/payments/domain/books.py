"""Rules of the ledger: who gains and who gives when money moves. Pure; amounts are minor units."""

from enum import StrEnum

import msgspec

from ordereats.contracts.ids import CourierId
from ordereats.contracts.menus import PriceParts
from ordereats.contracts.money import Money
from ordereats.contracts.payments import Account
from ordereats.services.payments.domain.payments import Payment

COMMISSION_PERCENT = 15
"""Of the subtotal, for the platform; half a minor unit is rounded up."""


class Kind(StrEnum):
    """Why money moved."""

    CAPTURED = "captured"
    DELIVERED = "delivered"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"


class Line(msgspec.Struct, frozen=True):
    """What an account gains, or gives (below 0)."""

    account: Account
    owner: int | None
    amount: int


class Booking(msgspec.Struct, frozen=True):
    """Lines that belong together; they add up to 0."""

    kind: Kind
    lines: tuple[Line, ...]


class Shares(msgspec.Struct, frozen=True):
    """Whose an order's money is; the three add up to its total.

    Attributes:
        restaurant: the subtotal without the commission.
        courier: the delivery fee and the tip.
        platform: the commission and the service fee.
    """

    restaurant: int
    courier: int
    platform: int


def shares(price: PriceParts) -> Shares:
    """Share a price out."""
    commission = (price.subtotal.minor * COMMISSION_PERCENT + 50) // 100
    return Shares(
        restaurant=price.subtotal.minor - commission,
        courier=price.delivery_fee.minor + price.tip.minor,
        platform=commission + price.service_fee.minor,
    )


def captured(payment: Payment) -> Booking:
    """The customer has paid: the money lies at the provider, and the restaurant is owed its share.

    What is not the restaurant's stays with the platform, the courier's share too as long as nobody
    has earned it.
    """
    total, owed = payment.amount.minor, shares(payment.price).restaurant
    return _booking(
        Kind.CAPTURED,
        Line(Account.CUSTOMER, payment.user_id, -total),
        Line(Account.PROVIDER, None, total),
        Line(Account.RESTAURANT, payment.restaurant_id, owed),
        Line(Account.PLATFORM, None, -owed),
    )


def delivered(payment: Payment, courier_id: CourierId) -> Booking:
    """A courier has earned the delivery fee and the tip, whatever becomes of the payment."""
    earned = shares(payment.price).courier
    return _booking(
        Kind.DELIVERED,
        Line(Account.COURIER, courier_id, earned),
        Line(Account.PLATFORM, None, -earned),
    )


def refunded(payment: Payment, amount: Money) -> Booking:
    """Money has gone back: the restaurant gives the same part of its share, rounded down.

    Rounding is of the sum of all refunds so far, so that a payment that was refunded in whole has
    taken back all of the share, in however many parts. The platform bears the rest: a courier who
    has delivered keeps what was earned.

    Args:
        payment: as it was before this refund.
        amount: of this refund.
    """
    before, after = payment.refunded.minor, payment.refunded.minor + amount.minor
    share, total = shares(payment.price).restaurant, payment.amount.minor
    given_back = share * after // total - share * before // total
    return _booking(
        Kind.REFUNDED,
        Line(Account.CUSTOMER, payment.user_id, amount.minor),
        Line(Account.PROVIDER, None, -amount.minor),
        Line(Account.RESTAURANT, payment.restaurant_id, -given_back),
        Line(Account.PLATFORM, None, given_back),
    )


def came_back(payment: Payment, amount: Money) -> Booking:
    """Money that had gone back is here again: the other way round, what `refunded` says of it.

    Args:
        payment: as it was before it came back.
        amount: of the refund that failed.
    """
    left = Money(payment.refunded.minor - amount.minor, amount.currency)
    gone = refunded(msgspec.structs.replace(payment, refunded=left), amount)
    back = (msgspec.structs.replace(line, amount=-line.amount) for line in gone.lines)
    return _booking(Kind.REFUND_FAILED, *back)


def _booking(kind: Kind, *lines: Line) -> Booking:
    return Booking(kind, tuple(line for line in lines if line.amount))
