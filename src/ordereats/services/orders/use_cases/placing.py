"""Placing: the server prices a basket, and an order is taken at that price."""

import msgspec

from ordereats.chassis import context
from ordereats.chassis.calls.client import at_once
from ordereats.chassis.errors import Invalid
from ordereats.chassis.http import idempotency
from ordereats.contracts import orders as contract
from ordereats.contracts.ids import HoldId
from ordereats.contracts.menus import AskQuote, Quote
from ordereats.contracts.orders import Fallback, PlaceOrder
from ordereats.contracts.problems import FieldProblem
from ordereats.services.orders import domain
from ordereats.services.orders.use_cases.deps import Deps
from ordereats.services.orders.use_cases.placements import Draft


async def place(deps: Deps, command: PlaceOrder) -> contract.Order:
    """Take an order: it is stored together with the fact, and paid later.

    Raises:
        Invalid: the customer, the restaurant or a dish is unknown, or an amount can't be right.
        PriceChanged: the customer was shown another price.
        Conflict: restaurants refuses the basket; its code says why.
        AlreadyAnswered: an earlier request with its key has placed it.
        Unavailable: users or restaurants can't be asked, and what they said last is not enough;
            nothing was stored.
    """
    price_shown = domain.shown_price(command)
    quote, fallbacks = await _quote(deps, command)
    terms = domain.agree(price_shown, quote)
    if quote.is_limited:
        await deps.answers.repeat_first()  # else a retry would keep portions that nobody takes
        terms = msgspec.structs.replace(terms, hold_id=await _hold(deps, command))
    agreed = msgspec.structs.replace(terms, fallbacks=fallbacks)
    draft = Draft(command, agreed, idempotency.requested(), context.current())
    return domain.shown(await deps.placements.ask(draft))


async def _quote(deps: Deps, command: PlaceOrder) -> tuple[Quote, tuple[Fallback, ...]]:
    asked = AskQuote(
        items=command.items,
        deliver_to=command.deliver_to.location if command.deliver_to else None,
        tip=command.tip,
        total_price=command.total_price,
    )
    customer, quote = await at_once(
        deps.last_known.customer(command.user_id),
        deps.last_known.quote(command.restaurant_id, asked),
    )
    problems = []
    if not customer.value:
        problems.append(FieldProblem("userId", "is not a user here"))
    if quote.value is None:
        problems.append(FieldProblem("restaurantId", "is not a restaurant here"))
    if quote.value is None or problems:
        raise Invalid(*problems)
    heard = {Fallback.CUSTOMER: customer.is_last_known, Fallback.MENU: quote.is_last_known}
    return quote.value, tuple(each for each, is_last_known in heard.items() if is_last_known)


async def _hold(deps: Deps, command: PlaceOrder) -> HoldId:
    hold_id: HoldId = str(deps.clock.new_id())
    await deps.menus.hold(command.restaurant_id, hold_id, command.items)
    return hold_id
