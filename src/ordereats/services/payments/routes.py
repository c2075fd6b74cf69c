"""HTTP in for payments."""

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.payments import Payment
from ordereats.services.payments import use_cases

OfOrder = Annotated[OrderId, QueryParameter(name="orderId", description="Of this order.")]


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of payments."""

    @get("/payments", tags=["payments"], summary="The payment of an order")
    async def list_payments(order_id: OfOrder) -> list[Payment]:
        """One, or none as long as payments has not heard of the order."""
        return await use_cases.of_order(deps, order_id)

    @get("/payments/{payment_id:int}", tags=["payments"], summary="Find a payment")
    async def get_payment(payment_id: FromPath[PaymentId]) -> Payment:
        """404 when none has this id."""
        return await use_cases.get(deps, payment_id)

    return [list_payments, get_payment]
