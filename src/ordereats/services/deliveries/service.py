"""The composition root of deliveries."""

from functools import partial

from ordereats.chassis.background import Hint
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.service import Ports, Service
from ordereats.services.deliveries.clients import BUNDLED, routes_of
from ordereats.services.deliveries.handlers import subscriptions
from ordereats.services.deliveries.jobs import jobs
from ordereats.services.deliveries.routes import routes
from ordereats.services.deliveries.settings import Settings
from ordereats.services.deliveries.use_cases import couriers, deliveries
from ordereats.services.deliveries.use_cases.deps import Deps


def build(ports: Ports) -> Service:
    """Build deliveries on these ports."""
    settings = Settings.read(ports.environment)
    hint = Hint()
    deps = Deps(
        database=ports.database,
        outbox=ports.outbox,
        answers=ports.answers,
        clock=ports.clock,
        routes=routes_of(BUNDLED),
        positions=Coalescer(
            partial(couriers.keep_positions, ports.database),
            ports.background,
            name="positions of couriers",
            is_change=True,
        ),
        wake_offers=hint.give,
        offer_for=settings.offer_for,
        find_within=settings.find_within,
    )
    return Service(
        "deliveries",
        routes(deps),
        subscriptions=subscriptions(deps),
        jobs=jobs(deps, hint),
        metrics=deps.figures.sources(ports.database),
        tells=partial(deliveries.story, ports.database),
    )
