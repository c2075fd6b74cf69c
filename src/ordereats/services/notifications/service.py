"""The composition root of notifications."""

from ordereats.chassis.service import Ports, Service
from ordereats.services.notifications.handlers import subscriptions
from ordereats.services.notifications.routes import routes
from ordereats.services.notifications.use_cases import Deps


def build(ports: Ports) -> Service:
    """Build notifications on these ports."""
    deps = Deps(database=ports.database, clock=ports.clock)
    return Service("notifications", routes(deps), subscriptions=subscriptions(deps))
