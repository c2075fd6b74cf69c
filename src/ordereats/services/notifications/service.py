"""The composition root of notifications."""

from functools import partial

from ordereats.chassis.background import Hint
from ordereats.chassis.service import Ports, Service
from ordereats.services.notifications import use_cases
from ordereats.services.notifications.clients import Smtp
from ordereats.services.notifications.handlers import subscriptions
from ordereats.services.notifications.jobs import jobs
from ordereats.services.notifications.routes import routes
from ordereats.services.notifications.settings import Settings


def build(ports: Ports) -> Service:
    """Build notifications on these ports."""
    settings = Settings.read(ports.environment)
    hint, figures = Hint(), use_cases.Figures()
    deps = use_cases.Deps(
        database=ports.database,
        clock=ports.clock,
        has_server=settings.server is not None,
        wake_job=hint.give,
        figures=figures,
    )
    own_jobs = []
    if settings.server is not None:
        sending = use_cases.Sending(
            database=ports.database,
            clock=ports.clock,
            post=Smtp(settings.server, ports.certificates),
            edge=ports.edges.edge("mail", "send", slow_s=settings.server.timeout_s / 2),
            lease_s=use_cases.AT_ONCE * 2 * settings.server.timeout_s + 5,
            max_attempts=settings.max_attempts,
            figures=figures,
        )
        own_jobs = jobs(sending, hint)
    return Service(
        "notifications",
        routes(deps),
        subscriptions=subscriptions(deps),
        jobs=own_jobs,
        metrics=figures.sources(ports.database),
        tells=partial(use_cases.story, ports.database),
    )
