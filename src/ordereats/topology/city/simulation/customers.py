"""Customers: they look, order, sometimes think better of it, sometimes want money back."""

import asyncio
from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal

from ordereats.contracts.ids import OrderId, RestaurantId
from ordereats.contracts.menus import AskQuote, Choice, Dish, Menu, OrderedItem, Quote
from ordereats.contracts.orders import CancelOrder, Order, OrderStatus, PlaceOrder
from ordereats.contracts.payments import AskRefund, Payment, Refund
from ordereats.contracts.restaurants import Restaurant
from ordereats.topology.city.client import Failed, Refused
from ordereats.topology.city.simulation.plan import CustomerScript, Script
from ordereats.topology.city.simulation.stage import Glimpse, Stage

_WORTH_ANOTHER_LOOK = frozenset({"price_changed", "sold_out"})
_LOOKS_FOR_MONEY = 60


class NothingLeft(Exception):
    """Every dish of a restaurant is sold out."""


class Customers:
    """All of them; each plays one script.

    Attributes:
        run_id: names the simulation, in the keys of its orders.
    """

    def __init__(self, stage: Stage, run_id: str) -> None:
        self._stage = stage
        self._api = stage.api
        self._run_id = run_id

    async def play(self, script: Script) -> None:
        """One customer's order, from the first look to the end of it."""
        await self._stage.clock.until(script.at_min)
        try:
            order = await self._order(script)
        except Refused as refused:
            self._stage.unplaced[refused.code] += 1
            return
        except NothingLeft:
            self._stage.unplaced["nothing_left"] += 1
            return
        except Failed:
            self._stage.lost.append(script)
            return
        self._stage.placed(order, script)
        await self._cancel(order.id, script.customer)
        ended = await self._stage.until(order.id, lambda seen: seen.has_ended)
        await self._ask_back(ended, script.customer)

    async def _order(self, script: Script) -> Order:
        """Place it, at the second try if what was shown is no longer so."""
        if script.customer.browses:
            await self._browse(script)
        try:
            return await self._try_to_order(script, "first")
        except Refused as refused:
            if refused.code not in _WORTH_ANOTHER_LOOK:
                raise
        return await self._try_to_order(script, "second")

    async def _browse(self, script: Script) -> None:
        lives = self._stage.city.customers[script.customer.customer].lives.location
        near = f"near={lives.lat},{lives.lon}&within=3000&" if lives else ""
        path = f"/restaurants?{near}openNow=true&limit=20"
        await self._api.ask("look around", list[Restaurant], "GET", path)

    async def _try_to_order(self, script: Script, attempt: str) -> Order:
        customer, settled = script.customer, self._stage.settled
        restaurant_id = settled.restaurants[script.kitchen.restaurant]
        items = await self._fill_basket(restaurant_id, customer)
        lives = self._stage.city.customers[customer.customer].lives
        tip = Decimal(customer.tip).scaleb(-2)
        quote = await self._api.ask(
            "ask the price",
            Quote,
            "POST",
            f"/restaurants/{restaurant_id}/quote",
            AskQuote(items, deliver_to=lives.location, tip=tip),
        )
        order, _ = await self._api.create(
            "place an order",
            Order,
            "/orders",
            PlaceOrder(
                user_id=settled.customers[customer.customer],
                restaurant_id=restaurant_id,
                items=items,
                total_price=quote.total,
                tip=tip,
                deliver_to=lives,
                payment_method=customer.card,
            ),
            key=f"{self._run_id}-{script.number}-{attempt}",
        )
        return order

    async def _fill_basket(
        self, restaurant_id: RestaurantId, customer: CustomerScript
    ) -> tuple[OrderedItem, ...]:
        """What they want of what there is; where nothing of it is left, the first that is."""
        path = f"/restaurants/{restaurant_id}/menu"
        menu = await self._api.ask("read a menu", Menu, "GET", path)
        dishes = {
            dish.name: dish
            for section in menu.sections
            for dish in section.dishes
            if not dish.sold_out
        }
        wanted = tuple(
            OrderedItem(line.qty, dish_id=dishes[line.dish].id, options=line.options)
            for line in customer.lines
            if line.dish in dishes
        )
        if wanted:
            return wanted
        for dish in dishes.values():
            return (OrderedItem(1, dish_id=dish.id, options=tuple(_fewest(dish))),)
        raise NothingLeft

    async def _cancel(self, order_id: OrderId, customer: CustomerScript) -> None:
        if customer.cancels_after_min is None:
            return
        await self._stage.clock.sleep(customer.cancels_after_min)
        why = CancelOrder(reason="I have changed my mind.")
        try:
            await self._api.ask("cancel", Order, "POST", f"/orders/{order_id}/cancel", why)
        except (Refused, Failed):
            return  # too late, or try as one may: then they eat it

    async def _ask_back(self, order: Glimpse, customer: CustomerScript) -> None:
        if customer.refund_percent is None or order.status is not OrderStatus.DELIVERED:
            return
        share = order.total_price * customer.refund_percent / 100
        amount = share.quantize(Decimal("0.01"), ROUND_DOWN)
        for _ in range(_LOOKS_FOR_MONEY):
            try:
                path = f"/payments?orderId={order.id}"
                payments = await self._api.ask("look at a payment", list[Payment], "GET", path)
                if payments and payments[0].captured >= amount:
                    await self._refund(payments[0], amount)
                    return
            except (Refused, Failed):
                return  # it is counted
            await asyncio.sleep(self._stage.clock.glance_s)

    async def _refund(self, payment: Payment, amount: Decimal) -> None:
        try:
            refund, _ = await self._api.create(
                "ask money back",
                Refund,
                f"/payments/{payment.id}/refunds",
                AskRefund("Something was missing.", amount),
                key=f"{self._run_id}-{payment.order_id}-refund",
            )
        except (Refused, Failed) as error:
            if error.maybe_done:
                self._stage.perhaps_back[payment.order_id] += amount
            raise
        self._stage.asked_back[payment.order_id] += refund.amount


def _fewest(dish: Dish) -> Iterator[Choice]:
    """The options without which a dish can't be had."""
    for group in dish.option_groups:
        for option in group.options[: group.min]:
            yield Choice(group.name, option.name)
