"""Looks at the certificate of a server: whether it is trusted, and how long it still holds."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from ordereats.chassis.clock import Clock
from ordereats.topology.doctor.finding import Finding, ok, warn, wrong

PORTS = {"https": 443, "amqps": 5671, "smtps": 465}
"""The schemes of addresses that are spoken to over TLS from the first byte."""
SOON = timedelta(days=14)


async def look(name: str, url: str, clock: Clock) -> list[Finding]:
    """Look at the certificate behind an address; at nothing where there is none.

    Raises:
        OSError: nobody answers.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        return []
    host, port = parts.hostname, parts.port or PORTS[parts.scheme]
    named = f"certificate {name}"
    try:
        ends = await _ends(host, port)
    except ssl.SSLCertVerificationError as error:
        said = f"That of {host}:{port} is not trusted: {error.verify_message}."
        way_out = "Renew it; if its authority is your own, name that by SSL_CERT_FILE."
        return [wrong(named, said, way_out)]
    except ssl.SSLError as error:
        return [wrong(named, f"{host}:{port} does not speak TLS: {error.reason}.", "See its port.")]
    left = ends - clock.now()
    if left < SOON:
        said = f"That of {host}:{port} ends in {left.days} days, on {ends:%Y-%m-%d}."
        return [warn(named, said, "Renew it before.")]
    return [ok(named, f"That of {host}:{port} holds until {ends:%Y-%m-%d}.")]


async def _ends(host: str, port: int) -> datetime:
    context = ssl.create_default_context()
    _, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        certificate: Mapping[str, str] = writer.get_extra_info("peercert")
    finally:
        writer.close()
        with suppress(OSError):  # that it hung up first is no matter
            await writer.wait_closed()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
