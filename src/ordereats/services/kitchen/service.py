"""The composition root of kitchen."""

from functools import partial

from ordereats.chassis.calls.in_process import answer
from ordereats.chassis.service import Ports, Service
from ordereats.contracts.kitchen import WITHDRAW, WhichOrder, Withdrawn
from ordereats.services.kitchen import use_cases
from ordereats.services.kitchen.handlers import subscriptions
from ordereats.services.kitchen.jobs import jobs
from ordereats.services.kitchen.routes import routes
from ordereats.services.kitchen.settings import Settings


def build(ports: Ports) -> Service:
    """Build kitchen on these ports."""
    settings = Settings.read(ports.environment)
    deps = use_cases.Deps(ports.database, ports.outbox, settings.accept_within_s)

    async def withdraw(which: WhichOrder) -> Withdrawn:
        return await use_cases.withdraw(deps, which.order_id, which.body.restaurant_id)

    return Service(
        "kitchen",
        routes(deps),
        answers=[answer(WITHDRAW, withdraw)],
        subscriptions=subscriptions(deps),
        jobs=jobs(deps),
        tells=partial(use_cases.story, ports.database),
    )
