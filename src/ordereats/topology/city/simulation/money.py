"""Whether the money came out right: each order's payment against how the order ended.

As customers see it. The ledger and the provider's books are the business of `ordereats audit`.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic

from ordereats.contracts.orders import OrderStatus
from ordereats.contracts.payments import Payment, PaymentStatus
from ordereats.topology.city.client import Api, Failed
from ordereats.topology.city.simulation.stage import NOTHING, Glimpse, Stage

PATIENCE_S = 30.0
"""For money to be taken or given back after the last order has ended."""

_SIDE_BY_SIDE = 8
_LET_GO = frozenset({PaymentStatus.VOIDED, PaymentStatus.DECLINED, PaymentStatus.REFUNDED})


@dataclass(frozen=True, slots=True)
class Books:
    """The money of all orders that have ended.

    Attributes:
        owed: what the delivered orders cost.
        off: orders whose payment does not fit their end.
    """

    owed: Decimal
    captured: Decimal
    refunded: Decimal
    off: tuple[int, ...]

    @property
    def are_balanced(self) -> bool:
        """Whether what was taken is what was owed, for each order."""
        return not self.off


async def check(stage: Stage) -> Books | None:
    """Read the payment of every order that has ended, and wait for those that are still moving.

    Returns:
        None when the platform does not answer any more.
    """
    ended = [order for order in stage.orders.values() if order.has_ended]
    waiting = iter(ended)
    payments: dict[int, Payment | None] = {}
    patient_until_s = monotonic() + PATIENCE_S

    async def work() -> None:
        for order in waiting:
            payments[order.id] = await _settled(stage, order, patient_until_s)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_SIDE_BY_SIDE):
                group.create_task(work())
    except ExceptionGroup as several:
        if several.subgroup(Failed) is None:
            raise
        return None
    known = [payment for payment in payments.values() if payment]
    return Books(
        owed=_sum(each.total_price for each in ended if each.status is OrderStatus.DELIVERED),
        captured=_sum(each.captured for each in known),
        refunded=_sum(each.refunded for each in known),
        off=tuple(each.id for each in ended if not _fits(stage, each, payments[each.id])),
    )


def fits(
    order: Glimpse,
    payment: Payment | None,
    *,
    asked: Decimal = NOTHING,
    perhaps: Decimal = NOTHING,
) -> bool:
    """Whether a payment is what the end of its order asks for.

    A delivered order is paid whole, and what was asked back is given back; what was perhaps asked
    back, all of it or nothing. Of any other nothing is kept; it need not have a payment at all, if
    it ended before anyone asked for the money.
    """
    if order.status is OrderStatus.DELIVERED:
        return (
            payment is not None
            and payment.captured == order.total_price
            and payment.refunded in {asked, asked + perhaps}
        )
    return payment is None or (
        payment.status in _LET_GO and payment.captured - payment.refunded == NOTHING
    )


async def _settled(stage: Stage, order: Glimpse, patient_until_s: float) -> Payment | None:
    while True:
        payment = await _payment(stage.api, order)
        if _fits(stage, order, payment) or monotonic() > patient_until_s:
            return payment
        await asyncio.sleep(stage.clock.glance_s)


def _fits(stage: Stage, order: Glimpse, payment: Payment | None) -> bool:
    asked, perhaps = stage.asked_back[order.id], stage.perhaps_back[order.id]
    return fits(order, payment, asked=asked, perhaps=perhaps)


async def _payment(api: Api, order: Glimpse) -> Payment | None:
    path = f"/payments?orderId={order.id}"
    found = await api.ask("look at a payment", list[Payment], "GET", path)
    return found[0] if found else None


def _sum(amounts: Iterator[Decimal]) -> Decimal:
    return sum(amounts, NOTHING)
