"""HTTP in for kitchen."""

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody

from ordereats.chassis.http.description import ID, errors
from ordereats.chassis.http.paging import DEFAULT_LIMIT, After, Limit, page
from ordereats.chassis.http.problems import AnyRequest
from ordereats.contracts.ids import OrderId, RestaurantId, TicketId
from ordereats.contracts.kitchen import (
    AcceptTicket,
    DelayTicket,
    RejectTicket,
    Ticket,
    TicketStatus,
    Withdrawn,
    WithdrawOrder,
)
from ordereats.services.kitchen import use_cases


def routes(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    """The routes of kitchen."""
    return [*_reading(deps), *_moving(deps), _withdrawing(deps)]


def _reading(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    @get(
        "/kitchen/restaurants/{restaurant_id:int}/tickets",
        tags=["kitchen"],
        summary="List the tickets of a restaurant",
        responses=errors(),
    )
    async def list_tickets(
        request: AnyRequest,
        restaurant_id: Annotated[int, ID],
        status: FromQuery[TicketStatus | None] = None,
        limit: Limit = DEFAULT_LIMIT,
        after: After = 0,
    ) -> Response[Sequence[Ticket]]:
        """In the order in which they came; `Link` leads to the next page."""
        found = await use_cases.page(
            deps, RestaurantId(restaurant_id), status, after=after, limit=limit
        )
        return page(request, found, limit=limit)

    @get(
        "/kitchen/tickets/{ticket_id:int}",
        tags=["kitchen"],
        summary="Find a ticket",
        responses=errors(404),
    )
    async def get_ticket(ticket_id: Annotated[int, ID]) -> Ticket:
        """What is to be cooked, and by when. 404 when none has this id."""
        return await use_cases.get(deps, TicketId(ticket_id))

    return [list_tickets, get_ticket]


def _moving(deps: use_cases.Deps) -> list[HTTPRouteHandler]:
    @post(
        "/kitchen/tickets/{ticket_id:int}/accept",
        tags=["kitchen"],
        summary="Accept a ticket",
        status_code=200,
        responses=errors(404, 409),
    )
    async def accept_ticket(ticket_id: Annotated[int, ID], data: JSONBody[AcceptTicket]) -> Ticket:
        """The food is promised for so many minutes from now.

        409 `expired` after `acceptBy`, `illegal_move` when it is not new any more.
        """
        return await use_cases.accept(deps, TicketId(ticket_id), data)

    @post(
        "/kitchen/tickets/{ticket_id:int}/delay",
        tags=["kitchen"],
        summary="Say that it takes longer",
        status_code=200,
        responses=errors(404, 409),
    )
    async def delay_ticket(ticket_id: Annotated[int, ID], data: JSONBody[DelayTicket]) -> Ticket:
        """From the time that was promised last; 409 `illegal_move` unless it is accepted."""
        return await use_cases.delay(deps, TicketId(ticket_id), data)

    @post(
        "/kitchen/tickets/{ticket_id:int}/reject",
        tags=["kitchen"],
        summary="Reject a ticket",
        status_code=200,
        responses=errors(404, 409),
    )
    async def reject_ticket(ticket_id: Annotated[int, ID], data: JSONBody[RejectTicket]) -> Ticket:
        """The dishes in `soldOut`, each one of this order's, are marked so on the menu.

        409 `expired` after `acceptBy`, `illegal_move` when it is not new any more.
        """
        return await use_cases.reject(deps, TicketId(ticket_id), data)

    @post(
        "/kitchen/tickets/{ticket_id:int}/ready",
        tags=["kitchen"],
        summary="Say that the food waits",
        status_code=200,
        responses=errors(404, 409),
    )
    async def ticket_ready(ticket_id: Annotated[int, ID]) -> Ticket:
        """A courier may take it now. 409 `illegal_move` unless it is accepted."""
        return await use_cases.ready(deps, TicketId(ticket_id))

    return [accept_ticket, delay_ticket, reject_ticket, ticket_ready]


def _withdrawing(deps: use_cases.Deps) -> HTTPRouteHandler:
    @post(
        "/kitchen/orders/{order_id:int}/withdraw",
        tags=["kitchen"],
        summary="Take an order back",
        status_code=200,
        responses=errors(409),
    )
    async def withdraw_order(
        order_id: Annotated[int, ID], data: JSONBody[WithdrawOrder]
    ) -> Withdrawn:
        """Internal: for orders, before it cancels; the same however often it is asked.

        409 `already_accepted` when the kitchen cooks it.
        """
        return await use_cases.withdraw(deps, OrderId(order_id), data.restaurant_id)

    return withdraw_order
