"""HTTP in for payments."""

from typing import Annotated

from litestar import get
from litestar.handlers import HTTPRouteHandler

from ordereats.chassis.http.description import ID, errors, id_query
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.payments import Payment
from ordereats.services.payments import use_cases

OfOrder = Annotated[int, id_query("orderId", "Of this order.")]


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of payments."""

    @get("/payments", tags=["payments"], summary="The payment of an order", responses=errors())
    async def list_payments(order_id: OfOrder) -> list[Payment]:
        """One, or none as long as payments has not heard of the order."""
        return await use_cases.of_order(deps, OrderId(order_id))

    @get(
        "/payments/{payment_id:int}",
        tags=["payments"],
        summary="Find a payment",
        responses=errors(404),
    )
    async def get_payment(payment_id: Annotated[int, ID]) -> Payment:
        """404 when none has this id."""
        return await use_cases.get(deps, PaymentId(payment_id))

    return [list_payments, get_payment]
