"""The composition root of restaurants."""

from functools import partial

from ordereats.chassis.calls.in_process import answer
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.service import Ports, Service
from ordereats.contracts.menus import (
    HOLD_PORTIONS,
    QUOTE,
    Hold,
    Quote,
    WhichBasket,
    WhichPortions,
)
from ordereats.contracts.pricing import Tariff
from ordereats.services.restaurants.handlers import subscriptions
from ordereats.services.restaurants.jobs import jobs
from ordereats.services.restaurants.routes import routes
from ordereats.services.restaurants.settings import Settings
from ordereats.services.restaurants.use_cases import baskets, restaurants
from ordereats.services.restaurants.use_cases.deps import Deps


def build(ports: Ports) -> Service:
    """Build restaurants on these ports."""
    settings = Settings.read(ports.environment)
    find = partial(restaurants.find, ports.database, ports.clock)
    find_pages = partial(restaurants.find_pages, ports.database, ports.clock)
    deps = Deps(
        database=ports.database,
        outbox=ports.outbox,
        answers=ports.answers,
        clock=ports.clock,
        found=Coalescer(find, ports.background, name="restaurants found"),
        pages=Coalescer(find_pages, ports.background, name="pages"),
        tariff=Tariff(
            delivery_base=settings.delivery_base,
            delivery_per_km=settings.delivery_per_km,
            reach_m=settings.reach_m,
            service_share=settings.service_share,
            service_least=settings.service_least,
            service_most=settings.service_most,
            tax_share=settings.tax_share,
        ),
        held_for_s=settings.held_for_s,
    )

    async def quote(which: WhichBasket) -> Quote:
        return await baskets.quote(deps, which.restaurant_id, which.body)

    async def hold(which: WhichPortions) -> Hold:
        return await baskets.hold(deps, which.restaurant_id, which.body)

    return Service(
        "restaurants",
        routes(deps),
        answers=[
            answer(QUOTE, quote),
            answer(HOLD_PORTIONS, hold),
        ],
        subscriptions=subscriptions(deps),
        jobs=jobs(deps),
    )
