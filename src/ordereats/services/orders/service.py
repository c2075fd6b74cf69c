"""The composition root of orders."""

from functools import partial

from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.service import Ports, Service
from ordereats.contracts.kitchen import WITHDRAW
from ordereats.contracts.menus import HOLD_PORTIONS, QUOTE
from ordereats.contracts.users import GET_USER
from ordereats.services.orders.clients import CustomersByCall, KitchenByCall, MenusByCall
from ordereats.services.orders.handlers import subscriptions
from ordereats.services.orders.jobs import jobs
from ordereats.services.orders.routes import routes
from ordereats.services.orders.settings import Settings
from ordereats.services.orders.use_cases import reading
from ordereats.services.orders.use_cases.deps import Deps
from ordereats.services.orders.use_cases.figures import Figures
from ordereats.services.orders.use_cases.last_known import KnownFor, LastKnown
from ordereats.services.orders.use_cases.placements import Placements
from ordereats.services.orders.use_cases.streams import Streams


def build(ports: Ports) -> Service:
    """Build orders on these ports."""
    settings = Settings.read(ports.environment)
    figures = Figures()
    placements = Placements(
        ports.database, ports.outbox, ports.answers, ports.clock, settings.pay_within, figures
    )
    menus = MenusByCall(ports.calls)
    last_known = LastKnown(
        ports.database,
        ports.background,
        ports.clock,
        CustomersByCall(ports.calls),
        menus,
        known_for=KnownFor(customers=settings.customers_known_for, menus=settings.menus_known_for),
    )
    find = partial(reading.find, ports.database)
    deps = Deps(
        database=ports.database,
        outbox=ports.outbox,
        answers=ports.answers,
        clock=ports.clock,
        last_known=last_known,
        menus=menus,
        kitchen=KitchenByCall(ports.calls),
        placements=Coalescer(placements.write, ports.background, name="placements", is_change=True),
        found=Coalescer(find, ports.background, name="orders found"),
        answer_within=settings.answer_within,
        streams=Streams(ports.database, ports.draining, most=settings.most_streams),
        figures=figures,
        spans=ports.spans,
    )
    return Service(
        "orders",
        routes(deps),
        calls=sorted({each.service for each in (GET_USER, QUOTE, HOLD_PORTIONS, WITHDRAW)}),
        subscriptions=subscriptions(deps),
        jobs=jobs(deps),
        metrics=figures.sources(ports.database),
        tells=partial(reading.story, ports.database),
    )
