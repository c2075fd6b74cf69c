"""HTTP in for deliveries."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody

from ordereats.chassis.http.description import ID, Creates, errors, id_query
from ordereats.chassis.http.idempotency import take_key
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.priorities import BROWSING
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.deliveries import (
    ByCourier,
    Courier,
    Delivery,
    DropOff,
    JoinAsCourier,
    Position,
    Shift,
)
from ordereats.contracts.ids import CourierId, DeliveryId, OrderId
from ordereats.services.deliveries.use_cases import couriers, deliveries
from ordereats.services.deliveries.use_cases.deps import Deps

OfOrder = Annotated[int, id_query("orderId", "Of this order.")]


def routes(deps: Deps) -> list[HTTPRouteHandler]:
    """The routes of deliveries."""
    return [
        *_of_couriers(deps),
        *_of_shifts(deps),
        *_of_deliveries(deps),
        *_of_offers(deps),
        *_moves(deps),
    ]


def _of_couriers(deps: Deps) -> list[HTTPRouteHandler]:
    @post(
        "/couriers",
        tags=["couriers"],
        summary="Join as a courier",
        before_request=take_key,
        responses=errors(409),
        operation_class=Creates,
    )
    async def join(data: JSONBody[JoinAsCourier]) -> Courier:
        """They are offline until their first shift."""
        return await deps.answers.once(couriers.join(deps, data))

    @get(
        "/couriers",
        tags=["couriers"],
        summary="List couriers",
        responses=errors(),
        opt=BROWSING,
    )
    async def list_couriers(
        request: AnyRequest,
        online: FromQuery[bool | None] = None,
        limit: Limit = DEFAULT_LIMIT,
        after: After = 0,
    ) -> Response[Sequence[Courier]]:
        """In the order of their ids; `Link` leads to the next page."""
        found = await couriers.page(deps, online=online, after=after, limit=limit)
        return page(request, found, limit=limit)

    @get(
        "/couriers/{courier_id:int}",
        tags=["couriers"],
        summary="Find a courier",
        responses=errors(404),
    )
    async def get_courier(courier_id: Annotated[int, ID]) -> Courier:
        """Whether they work, where they are, and what they bring. 404 when nobody has this id."""
        return await couriers.get(deps, CourierId(courier_id))

    return [join, list_couriers, get_courier]


def _of_shifts(deps: Deps) -> list[HTTPRouteHandler]:
    @put(
        "/couriers/{courier_id:int}/shift",
        tags=["couriers"],
        summary="Come online or leave",
        responses=errors(404, 409),
    )
    async def set_shift(courier_id: Annotated[int, ID], data: JSONBody[Shift]) -> Courier:
        """Who comes online is offered at once what waits.

        Who leaves gives back what is offered to them or what they have not picked up yet; 409
        `illegal_move` while they have food in hand.
        """
        return await couriers.set_shift(deps, CourierId(courier_id), data)

    @post(
        "/couriers/{courier_id:int}/location",
        tags=["couriers"],
        summary="Say where a courier is",
        status_code=204,
        responses=errors(404),
    )
    async def move(courier_id: Annotated[int, ID], data: JSONBody[Position]) -> None:
        """The last one counts; of the others a thinned trace is kept for a day."""
        await couriers.move(deps, CourierId(courier_id), data.location)

    @get(
        "/couriers/{courier_id:int}/offers",
        tags=["couriers"],
        summary="What a courier is asked to bring",
        responses=errors(404),
    )
    async def list_offers(courier_id: Annotated[int, ID]) -> list[Delivery]:
        """One, or none. It stands until `offeredUntil`, then it goes to the next courier.

        Who lets three in a row lapse is taken for gone: their shift ends.
        """
        return await deliveries.offered_to(deps, CourierId(courier_id))

    return [set_shift, move, list_offers]


def _of_deliveries(deps: Deps) -> list[HTTPRouteHandler]:
    @get(
        "/deliveries",
        tags=["deliveries"],
        summary="The delivery of an order",
        responses=errors(),
    )
    async def list_deliveries(order_id: OfOrder) -> list[Delivery]:
        """One, or none as long as the kitchen has not accepted the order."""
        return await deliveries.of_order(deps, OrderId(order_id))

    @get(
        "/deliveries/{delivery_id:int}",
        tags=["deliveries"],
        summary="Find a delivery",
        responses=errors(404),
    )
    async def get_delivery(delivery_id: Annotated[int, ID]) -> Delivery:
        """Where its courier is, when the customer most likely has it, and by when at the latest."""
        return await deliveries.get(deps, DeliveryId(delivery_id))

    return [list_deliveries, get_delivery]


def _of_offers(deps: Deps) -> list[HTTPRouteHandler]:
    @post(
        "/deliveries/{delivery_id:int}/accept",
        tags=["deliveries"],
        summary="Say yes to an offer",
        status_code=200,
        responses=errors(404, 409),
    )
    async def accept(delivery_id: Annotated[int, ID], data: JSONBody[ByCourier]) -> Delivery:
        """The courier brings it.

        409 `offer_lapsed` after `offeredUntil`, `not_yours` when another is asked, `illegal_move`
        when it has gone on or ended.
        """
        return await deliveries.accept(deps, DeliveryId(delivery_id), data.courier_id)

    @post(
        "/deliveries/{delivery_id:int}/decline",
        tags=["deliveries"],
        summary="Say no to an offer",
        status_code=200,
        responses=errors(404, 409),
    )
    async def decline(delivery_id: Annotated[int, ID], data: JSONBody[ByCourier]) -> Delivery:
        """The courier is not asked again.

        409 `offer_lapsed` when it goes to the next anyway, `not_yours` when another is asked,
        `illegal_move` when it has gone on or ended.
        """
        return await deliveries.decline(deps, DeliveryId(delivery_id), data.courier_id)

    return [accept, decline]


def _moves(deps: Deps) -> list[HTTPRouteHandler]:
    @post(
        "/deliveries/{delivery_id:int}/pick-up",
        tags=["deliveries"],
        summary="Take the food",
        status_code=200,
        responses=errors(404, 409),
    )
    async def pick_up(delivery_id: Annotated[int, ID], data: JSONBody[ByCourier]) -> Delivery:
        """The food is on its way.

        409 `not_ready` while the kitchen cooks, `not_yours` when another brings it, `illegal_move`
        when nobody has said yes to it, or it has gone on.
        """
        return await deliveries.pick_up(deps, DeliveryId(delivery_id), data.courier_id)

    @post(
        "/deliveries/{delivery_id:int}/drop-off",
        tags=["deliveries"],
        summary="Hand the food over",
        status_code=200,
        responses=errors(404, 409),
    )
    async def drop_off(delivery_id: Annotated[int, ID], data: JSONBody[DropOff]) -> Delivery:
        """The order has ended well.

        409 `too_far`, `not_yours` when another has it, `illegal_move` unless it was picked up and
        not handed over yet.

        Too far is more than 300 m from the address, by the location in the body or else by one of
        the last two minutes. Where neither is known, or no place for the address, it is believed.
        """
        return await deliveries.drop_off(deps, DeliveryId(delivery_id), data)

    return [pick_up, drop_off]
