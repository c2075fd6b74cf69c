"""Events in for orders: what payments, kitchens and couriers say moves the order.

What users and restaurants say is kept, for when they can't be asked.
"""

from functools import partial

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.subscriptions import Effect, Subscription, effect, subscribe
from ordereats.contracts.deliveries import DeliveryDelivered, DeliveryPickedUp, DeliveryUnassigned
from ordereats.contracts.kitchen import (
    TicketAccepted,
    TicketCancelled,
    TicketDelayed,
    TicketExpired,
    TicketReady,
    TicketRejected,
)
from ordereats.contracts.orders import CancelledBy, OrderStatus
from ordereats.contracts.payments import PaymentAuthorized, PaymentDeclined
from ordereats.contracts.restaurants import MenuChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.orders import domain
from ordereats.services.orders.use_cases import last_known, moving
from ordereats.services.orders.use_cases.deps import Deps


def subscriptions(deps: Deps) -> list[Subscription]:
    """What orders hears."""
    return [
        subscribe("orders", "payment", _of_payments(deps)),
        subscribe("orders", "ticket", _of_kitchens(deps)),
        subscribe("orders", "delivery", _of_couriers(deps)),
        subscribe("orders", "user", [effect(UserCreated, last_known.learn_customer)]),
        subscribe("orders", "menu", [effect(MenuChanged, last_known.learn_menu)]),
    ]


def _of_payments(deps: Deps) -> list[Effect]:
    async def authorized(tx: Transaction, event: PaymentAuthorized) -> None:
        move = partial(domain.pay, answer_within=deps.answer_within)
        await moving.hear(deps, tx, event.order_id, OrderStatus.PAID, move)

    async def declined(tx: Transaction, event: PaymentDeclined) -> None:
        move = partial(domain.decline, reason=event.reason)
        await moving.hear(deps, tx, event.order_id, OrderStatus.DECLINED, move)

    return [effect(PaymentAuthorized, authorized), effect(PaymentDeclined, declined)]


def _of_kitchens(deps: Deps) -> list[Effect]:
    async def accepted(tx: Transaction, event: TicketAccepted) -> None:
        move = partial(domain.accept, ready_at=event.ready_at)
        await moving.hear(deps, tx, event.order_id, OrderStatus.ACCEPTED, move)

    async def delayed(tx: Transaction, event: TicketDelayed) -> None:
        await moving.delay(tx, event.order_id, event.ready_at)

    async def rejected(tx: Transaction, event: TicketRejected) -> None:
        move = partial(domain.reject, reason=event.reason)
        await moving.hear(deps, tx, event.order_id, OrderStatus.REJECTED, move)

    async def expired(tx: Transaction, event: TicketExpired) -> None:
        await moving.hear(deps, tx, event.order_id, OrderStatus.EXPIRED, domain.expire)

    async def ready(tx: Transaction, event: TicketReady) -> None:
        await moving.hear(deps, tx, event.order_id, OrderStatus.READY, domain.make_ready)

    async def cancelled(tx: Transaction, event: TicketCancelled) -> None:
        await moving.hear(deps, tx, event.order_id, OrderStatus.CANCELLED, domain.withdraw)

    return [
        effect(TicketAccepted, accepted),
        effect(TicketDelayed, delayed),
        effect(TicketRejected, rejected),
        effect(TicketExpired, expired),
        effect(TicketReady, ready),
        effect(TicketCancelled, cancelled),
    ]


def _of_couriers(deps: Deps) -> list[Effect]:
    async def picked_up(tx: Transaction, event: DeliveryPickedUp) -> None:
        move = partial(domain.pick_up, courier_id=event.courier_id)
        await moving.hear(deps, tx, event.order_id, OrderStatus.PICKED_UP, move)

    async def delivered(tx: Transaction, event: DeliveryDelivered) -> None:
        move = partial(domain.deliver, courier_id=event.courier_id)
        await moving.hear(deps, tx, event.order_id, OrderStatus.DELIVERED, move)

    async def unassigned(tx: Transaction, event: DeliveryUnassigned) -> None:
        move = partial(domain.cancel, by=CancelledBy.PLATFORM, reason=domain.NO_COURIER)
        await moving.hear(deps, tx, event.order_id, OrderStatus.CANCELLED, move)

    return [
        effect(DeliveryPickedUp, picked_up),
        effect(DeliveryDelivered, delivered),
        effect(DeliveryUnassigned, unassigned),
    ]
