"""Looks at what is no database: the broker, the payment provider, the mail server, neighbours."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp
from aio_pika.connection import Connection, make_url
from aio_pika.exceptions import AMQPConnectionError, AMQPError

from ordereats.topology.broker.checking import Flaw
from ordereats.topology.broker.management import Management
from ordereats.topology.brokers import OperatedQueue, OperatedRabbitMQ
from ordereats.topology.doctor.finding import Finding, ok, warn, wrong

_SHOWN = 5


async def broker(url: str) -> list[Finding]:
    """Whether RabbitMQ lets us in.

    Raises:
        OSError: nobody answers.
    """
    connection = Connection(make_url(url), client_properties={"connection_name": "doctor"})
    try:
        await connection.connect(timeout=4)
    except AMQPError as error:
        if type(error) is AMQPConnectionError:  # its kinds say why; it says that nobody answers
            raise
        said = f"RabbitMQ at {urlsplit(url).hostname} does not let us in: {type(error).__name__}."
        return [wrong("broker", said, "Correct user, password and vhost in BROKER_URL.")]
    finally:
        with suppress(AMQPError, OSError):
            await connection.close()
    return [ok("broker", "RabbitMQ lets us in.")]


async def belongings(operated: OperatedRabbitMQ | OperatedQueue) -> list[Finding]:
    """Whether the broker has all that it must, as `ordereats broker check` says.

    Raises:
        Misconfigured: it does not answer.
    """
    lines = await operated.check()
    if not lines:
        return [ok("broker check", f"{operated.name} has all its {operated.belongings}.")]
    more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    said = f"{operated.name} is not as it must be: {'; '.join(lines[:_SHOWN])}{more}."
    if all(_comes_by_itself(operated, line) for line in lines):
        return [warn("broker check", said, "Services make it so, as soon as they run.")]
    return [wrong("broker check", said, "`ordereats broker apply` makes what is missing.")]


def _comes_by_itself(operated: OperatedRabbitMQ | OperatedQueue, line: str) -> bool:
    """Whether services that start mend it: their routes, and that they listen."""
    return isinstance(operated, OperatedQueue) or line.endswith(Flaw.UNHEARD)


async def alarms(operated: OperatedRabbitMQ) -> list[Finding]:
    """Whether RabbitMQ takes nothing for want of memory or disk.

    Raises:
        Misconfigured: it does not answer.
    """
    async with Management.open(operated.management) as management:
        nodes = await management.get("nodes") or []
    ringing = [
        f"{word} on {node.get('name')}"
        for node in nodes
        for word, key in (("memory", "mem_alarm"), ("disk", "disk_free_alarm"))
        if node.get(key)
    ]
    if ringing:
        said = f"RabbitMQ takes no events: alarm for {', '.join(ringing)}."
        return [wrong("broker alarms", said, "Give it memory, or room on its disk.")]
    return [ok("broker alarms", "RabbitMQ has no alarm.")]


async def provider(base: str, key: str | None) -> list[Finding]:
    """Whether the payment provider answers, and knows the key if there is one to try.

    Raises:
        OSError: nobody answers.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4)) as http:
        asked = f"{base.rstrip('/')}/v1/payment_intents?limit=1"
        async with http.get(asked, headers=headers) as answer:
            status = answer.status
    host = urlsplit(base).hostname
    if key and status in {401, 403}:
        said = f"{host} does not take STRIPE_API_KEY ({status}): nothing can be charged."
        return [wrong("provider", said, "Set the right key.")]
    if status >= 500:
        return [warn("provider", f"{host} answers {status}.", "Wait, or look at its status page.")]
    return [ok("provider", f"{host} answers{' and takes the key' if key else ''}.")]


async def mail(url: str) -> list[Finding]:
    """Whether the mail server greets.

    Raises:
        OSError: nobody answers.
    """
    parts = urlsplit(url)
    is_tls = parts.scheme == "smtps"
    if is_tls:  # its certificate is looked at, and with it whether it is there
        return []
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 25)
    try:
        greeting = await reader.readline()
    finally:
        writer.close()
    if not greeting.startswith(b"220"):
        said = f"{parts.hostname} does not greet as a mail server does."
        return [wrong("mail", said, "Correct SMTP_URL; over TLS it begins with smtps://.")]
    return [ok("mail", f"{parts.hostname} greets.")]


async def neighbours(urls: Sequence[tuple[str, str]]) -> list[Finding]:
    """Whether the services that run elsewhere are ready."""
    return [
        each for found in await asyncio.gather(*(_one(*each) for each in urls)) for each in found
    ]


async def _one(name: str, url: str) -> list[Finding]:
    named = f"neighbour {name}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4)) as http,
            http.get(f"{url.rstrip('/')}/health/ready") as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        said = f"It does not answer at {urlsplit(url).netloc} ({type(error).__name__})."
        return [wrong(named, said, f"Start it, or correct {name.upper()}_URL.")]
    if status != 200:
        said = f"It says that it is not ready ({status})."
        return [warn(named, said, "Its own /health/ready says why.")]
    return [ok(named, "It is ready.")]
