"""Every setting there is, and what is to be said of a name that is none. Values are not judged."""

import re
from collections.abc import Mapping

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.topology import catalog

ALONE = frozenset(
    {
        "DATABASE_URL",
        "BROKER_URL",
        "BROKER_MANAGEMENT_URL",
        "PORT",
        "HOST",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "TRACES",
        "TRACE_SAMPLING",
        "TRACE_SPANS_KEPT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "STRIPE_API_BASE",
        "STRIPE_API_KEY",
        "STRIPE_TIMEOUT_S",
        "STRIPE_WEBHOOK_SECRET",
        "SANDBOX_WEBHOOK_URL",
        "SMTP_URL",
        "SMTP_FROM",
        "SMTP_TIMEOUT_S",
        "SMTP_MAX_ATTEMPTS",
        "DELIVERY_FEE_BASE_MINOR",
        "DELIVERY_FEE_PER_KM_MINOR",
        "DELIVERY_REACH_M",
        "SERVICE_FEE_BASIS_POINTS",
        "SERVICE_FEE_LEAST_MINOR",
        "SERVICE_FEE_MOST_MINOR",
        "TAX_BASIS_POINTS",
        "PORTIONS_HELD_S",
        "PAY_WITHIN_SECONDS",
        "ANSWER_WITHIN_SECONDS",
        "MENUS_KNOWN_FOR_SECONDS",
        "CUSTOMERS_KNOWN_FOR_SECONDS",
        "ORDER_STREAMS_MAX",
        "ACCEPT_WITHIN_SECONDS",
        "OFFER_SECONDS",
        "FIND_COURIER_WITHIN_SECONDS",
        "DRAIN_SECONDS",
        "STOP_SECONDS",
        "REQUEST_DEADLINE_SECONDS",
        "SHEDDING",
        "CONCURRENCY_LIMIT_MOST",
        "BREAKERS",
        "BREAKER_WINDOW",
        "BREAKER_MINIMUM_CALLS",
        "BULKHEAD_CALLS",
        "STRICT_CALLS",
        "RESTART_PAUSE_SECONDS",
        "FAILPOINTS",
        "RABBITMQ_SERVER",
        "ORDEREATS_HOME",
    }
)
"""Those with one name."""

OF_A_SERVICE = ("DATABASE_URL", "BROKER_URL", "URL")
"""Those that each service has, behind its own name: `ORDERS_DATABASE_URL`."""

KNOWN = ALONE | {f"{name.upper()}_{each}" for name in catalog.SERVICES for each in OF_A_SERVICE}
"""All of them. For each there is the same with `_FILE` behind it."""

_OURS = tuple(f"{name.upper()}_" for name in ("ordereats", *catalog.SERVICES))
"""What begins with one of these can only be meant for us."""

_EVERYBODYS = frozenset({"PORT", "HOST", "LOG_LEVEL", "LOG_FORMAT"})
"""So many programs have names like these that one which differs is likely to be another's."""

_LINK = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
"""What Kubernetes puts into each container for each of its services: `ORDERS_SERVICE_HOST`."""
_LINKED = re.compile(r"(tcp|udp|sctp)://.*")
"""What it gives `ORDERS_PORT`, which would otherwise be somebody's mistake."""

_LONG = 12
"""Letters of a name from which on two mistakes in it may be one word's, and not another word."""


def refuse_strangers(environment: Environment) -> None:
    """Make sure that all that is meant for us is known here.

    Raises:
        Misconfigured: something is not; names all of it.
    """
    if said := strangers(environment.given):
        raise Misconfigured(" ".join(said))


def strangers(given: Mapping[str, str]) -> list[str]:
    """Say of each name that is meant for us, and that nothing here reads, what to do about it.

    It is meant for us if it begins with `ORDEREATS_` or with the name of a service of ours, or if
    it is that of a setting but for a letter left out, doubled, wrong, or in another's place (two in
    names of twelve letters or more), or for its case. What Kubernetes says by itself of services
    that are called like ours is not.
    """
    return [
        _about(name)
        for name, value in sorted(given.items())
        if _without_file(name) not in KNOWN and _is_meant_for_us(name, value)
    ]


def _about(name: str) -> str:
    near = _nearest(_without_file(name))
    meant = f"{near}_FILE" if near and name.endswith("_FILE") else near
    advice = f"is {meant} meant?" if meant else "docs/running.md has those that there are."
    return f"{name} is set, and there is no such setting: {advice}"


def _is_meant_for_us(name: str, value: str) -> bool:
    if _is_link(name, value):
        return False
    return name.startswith(_OURS) or _nearest(_without_file(name)) is not None


def _is_link(name: str, value: str) -> bool:
    is_port = name.endswith("_PORT") and _LINKED.fullmatch(value) is not None
    return is_port or _LINK.fullmatch(name) is not None


def _without_file(name: str) -> str:
    return name.removesuffix("_FILE")


def _nearest(name: str) -> str | None:
    """The setting that is meant by a name, if one is."""
    shouted = name.upper()
    near = ((_mistakes(shouted, known), known) for known in sorted(KNOWN - _EVERYBODYS))
    fitting = [(many, known) for many, known in near if many <= (1 + (len(known) >= _LONG))]
    return min(fitting)[1] if fitting else None


def _mistakes(one: str, other: str) -> int:
    """How many letters to take out, put in, change or swap with the next: Damerau's distance."""
    if abs(len(one) - len(other)) > 2:  # more than anyone asks about
        return 3
    before, above = [0] * (len(other) + 1), list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        here = [row]
        for column, another in enumerate(other, start=1):
            best = min(here[-1] + 1, above[column] + 1, above[column - 1] + (letter != another))
            if row > 1 and column > 1 and (letter, another) == (other[column - 2], one[row - 2]):
                best = min(best, before[column - 2] + 1)
            here.append(best)
        before, above = above, here
    return above[-1]
