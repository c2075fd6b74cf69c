"""HTTP in for payments."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, JSONBody, QueryParameter

from ordereats.chassis.errors import Invalid
from ordereats.chassis.http.description import ID, MAX_ID, Creates, ReadsAnyObject, errors, id_query
from ordereats.chassis.http.idempotency import take_key
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.ids import OrderId, PaymentId
from ordereats.contracts.payments import Account, AskRefund, Journal, Payment, Payout, Refund
from ordereats.contracts.problems import FieldProblem
from ordereats.services.payments.use_cases import reading, refunds, webhooks
from ordereats.services.payments.use_cases.deps import Deps

OfOrder = Annotated[int, id_query("orderId", "Of this order.")]
OfRestaurant = Annotated[
    int | None, QueryParameter(name="restaurantId", ge=1, le=MAX_ID, description="For this one.")
]
OfCourier = Annotated[
    int | None, QueryParameter(name="courierId", ge=1, le=MAX_ID, description="Or for this one.")
]
Since = Annotated[
    datetime | None,
    QueryParameter(description="Inclusive; a week before `until`, unless given."),
]
Until = Annotated[
    datetime | None,
    QueryParameter(description="Exclusive; now, unless given. At most 31 days after `since`."),
]
Signature = Annotated[
    str,
    HeaderParameter(name="Stripe-Signature", description="Made with the endpoint's secret."),
]


def routes(deps: Deps) -> list[HTTPRouteHandler]:
    """The routes of payments."""
    return [*_payment_routes(deps), *_refund_routes(deps), *_ledger_routes(deps), _webhook(deps)]


def _payment_routes(deps: Deps) -> list[HTTPRouteHandler]:
    @get("/payments", tags=["payments"], summary="The payment of an order", responses=errors())
    async def list_payments(order_id: OfOrder) -> list[Payment]:
        """One, or none as long as payments has not heard of the order."""
        return await reading.of_order(deps, OrderId(order_id))

    @get(
        "/payments/{payment_id:int}",
        tags=["payments"],
        summary="Find a payment",
        responses=errors(404),
    )
    async def get_payment(payment_id: Annotated[int, ID]) -> Payment:
        """What was asked for, taken and given back. 404 when none has this id."""
        return await reading.get(deps, PaymentId(payment_id))

    return [list_payments, get_payment]


def _refund_routes(deps: Deps) -> list[HTTPRouteHandler]:
    @post(
        "/payments/{payment_id:int}/refunds",
        tags=["payments"],
        summary="Give money back",
        before_request=take_key,
        responses=errors(404, 409),
        operation_class=Creates,
    )
    async def ask_refund(payment_id: Annotated[int, ID], data: JSONBody[AskRefund]) -> Refund:
        """In part or whole; the provider is asked soon after.

        409 `illegal_move` as long as nothing was taken, `above_captured` when less is left, which
        `refundable` then says.
        """
        return await deps.answers.once(refunds.ask(deps, PaymentId(payment_id), data))

    @get(
        "/payments/{payment_id:int}/refunds",
        tags=["payments"],
        summary="What was given back of a payment",
        responses=errors(404),
    )
    async def list_refunds(
        request: AnyRequest,
        payment_id: Annotated[int, ID],
        limit: Limit = DEFAULT_LIMIT,
        after: After = 0,
    ) -> Response[Sequence[Refund]]:
        """In the order of their ids; `Link` leads to the next page."""
        found = await reading.refunds_of(deps, PaymentId(payment_id), after=after, limit=limit)
        return page(request, found, limit=limit)

    return [ask_refund, list_refunds]


def _ledger_routes(deps: Deps) -> list[HTTPRouteHandler]:
    @get(
        "/payments/{payment_id:int}/journals",
        tags=["payments"],
        summary="What the ledger says of a payment",
        responses=errors(404),
    )
    async def list_journals(
        request: AnyRequest,
        payment_id: Annotated[int, ID],
        limit: Limit = DEFAULT_LIMIT,
        after: After = 0,
    ) -> Response[Sequence[Journal]]:
        """Each move of its money, in order; the postings of each add up to 0."""
        found = await reading.journals_of(deps, PaymentId(payment_id), after=after, limit=limit)
        return page(request, found, limit=limit)

    @get(
        "/payments/payouts",
        tags=["payments"],
        summary="What a restaurant or a courier has earned",
        responses=errors(),
    )
    async def get_payout(
        restaurant_id: OfRestaurant = None,
        courier_id: OfCourier = None,
        since: Since = None,
        until: Until = None,
    ) -> Payout:
        """Line by line; `total` is their sum."""
        account, owner = _owner(restaurant_id, courier_id)
        return await reading.payout(deps, account, owner, since=since, until=until)

    return [list_journals, get_payout]


def _webhook(deps: Deps) -> HTTPRouteHandler:
    @post(
        "/payments/webhooks/stripe",
        tags=["payments"],
        summary="What the payment provider tells",
        status_code=200,
        responses=errors(),
        operation_class=ReadsAnyObject,
    )
    async def hear_stripe(request: AnyRequest, signature: Signature) -> None:
        """Signed events of Stripe, in any order and any number of times; unknown ones are ignored.

        400 when the signature is missing, not Stripe's, or old.
        """
        await webhooks.hear(deps, await request.body(), signature)

    return hear_stripe


def _owner(restaurant_id: int | None, courier_id: int | None) -> tuple[Account, int]:
    match restaurant_id, courier_id:
        case int(owner), None:
            return Account.RESTAURANT, owner
        case None, int(owner):
            return Account.COURIER, owner
    raise Invalid(FieldProblem("restaurantId", "or courierId has to be given, and not both"))
