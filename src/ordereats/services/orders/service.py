"""The composition root of orders."""

from functools import partial

from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.service import Ports, Service
from ordereats.contracts.restaurants import GET_RESTAURANT
from ordereats.contracts.users import GET_USER
from ordereats.services.orders import use_cases
from ordereats.services.orders.clients import CustomersByCall, RestaurantsByCall
from ordereats.services.orders.handlers import subscriptions
from ordereats.services.orders.routes import routes


def build(ports: Ports) -> Service:
    """Build orders on these ports."""
    placements = use_cases.Placements(ports.database, ports.outbox, ports.answers, ports.clock)
    find = partial(use_cases.find, ports.database)
    deps = use_cases.Deps(
        database=ports.database,
        outbox=ports.outbox,
        answers=ports.answers,
        clock=ports.clock,
        customers=CustomersByCall(ports.calls),
        restaurants=RestaurantsByCall(ports.calls),
        placements=Coalescer(placements.write, ports.background, name="placements"),
        found=Coalescer(find, ports.background, name="orders found"),
    )
    return Service(
        "orders",
        routes(deps),
        calls=[GET_USER.service, GET_RESTAURANT.service],
        subscriptions=subscriptions(deps),
    )
