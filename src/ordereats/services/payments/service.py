"""The composition root of payments."""

from functools import partial

from ordereats.chassis.background import Hint
from ordereats.chassis.service import Ports, Service
from ordereats.services.payments.clients import Guarded, Stripe
from ordereats.services.payments.handlers import subscriptions
from ordereats.services.payments.jobs import jobs
from ordereats.services.payments.routes import routes
from ordereats.services.payments.settings import Settings
from ordereats.services.payments.use_cases import reading
from ordereats.services.payments.use_cases.deps import Deps


def build(ports: Ports) -> Service:
    """Build payments on these ports."""
    settings = Settings.read(ports.environment)
    stripe = Stripe(settings, ports.certificates)
    ports.resources.push_async_callback(stripe.close)
    payments, refunds = Hint(), Hint()

    def wake_jobs() -> None:
        payments.give()
        refunds.give()

    deps = Deps(
        database=ports.database,
        outbox=ports.outbox,
        answers=ports.answers,
        clock=ports.clock,
        provider=Guarded(stripe, ports.edges, slow_s=settings.timeout_s / 2),
        wake_jobs=wake_jobs,
        # A question may be three: what it knows, then to do it, then why that could not be.
        lease_s=3 * settings.timeout_s + 5,
        spans=ports.spans,
    )
    return Service(
        "payments",
        routes(deps),
        subscriptions=subscriptions(deps),
        jobs=jobs(deps, payments=payments, refunds=refunds),
        metrics=deps.figures.sources(ports.database),
        tells=partial(reading.story, ports.database),
    )
