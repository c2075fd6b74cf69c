"""Refuses secrets that everyone knows, where more than this machine is concerned."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured
from ordereats.topology.settings import Settings

BUILT_IN = {
    "STRIPE_API_KEY": "sk_test_ordereats",
    "STRIPE_WEBHOOK_SECRET": "ordereats-sandbox",
}
"""What payments and the sandbox take where nothing else is said."""

COMMON = frozenset(
    {
        *("admin", "changeit", "changeme", "change-me", "default", "demo", "example", "guest"),
        *("hunter2", "letmein", "ordereats", "passw0rd", "password", "postgres", "qwerty"),
        *("rabbitmq", "root", "secret", "test", "user", "1234", "12345", "123456", "12345678"),
    }
)
"""Passwords that stand in examples, or that servers come with. So does a user's own name."""

_SANDBOX = "http://127.0.0.1:12111"
_WAY_OUT = "make one of your own, and give it by {name} or, in a file, by {name}_FILE."


def refuse_default_secrets(environment: Environment, settings: Settings) -> None:
    """Make sure that a process that serves has no secret that everyone knows, but in local use.

    Raises:
        Misconfigured: it has; names all of them.
    """
    if said := default_secrets(environment, settings):
        raise Misconfigured(" ".join(said))


def default_secrets(environment: Environment, settings: Settings) -> list[str]:
    """Say which secrets of a process everyone knows, out of local use, and what to do about it."""
    return [
        *common_passwords(_addresses(environment, settings), heard_from=settings.host),
        *(_provider(environment, settings.host) if "payments" in settings.names else ()),
    ]


def common_passwords(
    addresses: Sequence[tuple[str, str]], *, heard_from: str = "127.0.0.1"
) -> list[str]:
    """Say which of these addresses has a password that everyone knows, out of local use.

    A password is used locally while nobody but this machine has to do with it: neither is the
    server elsewhere, nor does the process that uses it answer others.

    Args:
        addresses: each with the name of its setting.
        heard_from: where the process listens.
    """
    return [
        f"The password in {name} is one that everyone knows, and {why}: "
        + _WAY_OUT.format(name=name)
        for name, url in addresses
        if _is_common(url) and (why := _why_not_local(url, heard_from))
    ]


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine, for this machine alone."""
    if host in {None, "localhost"}:
        return True
    try:
        return ip_address(str(host).strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_sandbox_defaults(environment: Environment, host: str) -> None:
    """Make sure that a sandbox that others reach signs its webhooks by a secret of its own.

    Raises:
        Misconfigured: it would not.
    """
    name = "STRIPE_WEBHOOK_SECRET"
    receiver = environment.optional("SANDBOX_WEBHOOK_URL")
    why = _why_not_local(receiver or _SANDBOX, host)
    if why and _has_built_in(environment, name):
        raise Misconfigured(_built_in(name, why))


def _provider(environment: Environment, host: str) -> Iterator[str]:
    base = environment.text("STRIPE_API_BASE", _SANDBOX)
    if why := _why_not_local(base, host):
        yield from (_built_in(name, why) for name in BUILT_IN if _has_built_in(environment, name))


def _has_built_in(environment: Environment, name: str) -> bool:
    return environment.text(name, BUILT_IN[name]) == BUILT_IN[name]


def _built_in(name: str, why: str) -> str:
    return f"{name} is the one that everyone knows, and {why}: " + _WAY_OUT.format(name=name)


def _why_not_local(url: str, host: str) -> str:
    """What makes an address's secret matter to others, or nothing if nothing does."""
    server = urlsplit(url).hostname
    if not is_loopback(host):
        return f"this process answers others (HOST={host})"
    return "" if is_loopback(server) else f"{server} is not this machine"


def _addresses(environment: Environment, settings: Settings) -> list[tuple[str, str]]:
    """All addresses with a password that the process uses, by the setting that says them."""
    found = {}
    for name, url in settings.databases.items():
        own = f"{name.upper()}_DATABASE_URL"
        found[own if environment.optional(own) else "DATABASE_URL"] = url
    if environment.optional("BROKER_URL"):
        found["BROKER_URL"] = settings.broker
    mail = environment.optional("SMTP_URL") if "notifications" in settings.names else None
    return [*found.items(), *([("SMTP_URL", mail)] if mail else [])]


def _is_common(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme.startswith("amqp") and parts.username is None:
        return True  # AMQP's clients say guest, guest where nothing is said
    password = unquote(parts.password or "").lower()
    return bool(password) and password in COMMON | {unquote(parts.username or "").lower()}
