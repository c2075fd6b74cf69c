"""The composition root of restaurants."""

from functools import partial

from ordereats.chassis.calls.in_process import answer
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.service import Ports, Service
from ordereats.contracts.restaurants import GET_RESTAURANT, Restaurant, WhichRestaurant
from ordereats.services.restaurants import use_cases
from ordereats.services.restaurants.routes import routes


def build(ports: Ports) -> Service:
    """Build restaurants on these ports."""
    deps = use_cases.Deps(
        database=ports.database,
        outbox=ports.outbox,
        answers=ports.answers,
        clock=ports.clock,
        found=Coalescer(
            partial(use_cases.find, ports.database), ports.background, name="restaurants found"
        ),
        pages=Coalescer(
            partial(use_cases.find_pages, ports.database), ports.background, name="pages"
        ),
    )

    async def get_restaurant(which: WhichRestaurant) -> Restaurant:
        return await use_cases.get(deps, which.restaurant_id)

    return Service("restaurants", routes(deps), answers=[answer(GET_RESTAURANT, get_restaurant)])
