"""Tells of events by signed webhooks, as Stripe does: at least once, in no promised order."""

import asyncio
import hashlib
import hmac
import random
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog

from ordereats.chassis.background import Hint
from ordereats.sandbox.actions import World
from ordereats.sandbox.behaviour import Mood
from ordereats.sandbox.ledger import Ledger, Untold

AT_ONCE = 50
POLL_S = 0.2
PATIENCE_S = 10.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
ATTEMPTS = 100
"""Then it is given up: after about an hour and a half (at Stripe: three days)."""

log = structlog.get_logger()


class Receiver(NamedTuple):
    """Who is told, and the secret that both know."""

    url: str
    secret: str


class Sender:
    """Sends what is due. What it was about to send when it died, it sends again."""

    def __init__(self, ledger: Ledger, mood: Mood, world: World, receiver: Receiver) -> None:
        self._ledger = ledger
        self._mood = mood
        self._world = world
        self._receiver = receiver
        self._under_way: set[str] = set()
        self.hint = Hint()

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for event in await self._due():
                    self._under_way.add(event.id)
                    tasks.create_task(self._tell(event))
                await self.hint.wait(POLL_S)

    async def _due(self) -> list[Untold]:
        now = self._world.now().timestamp()
        limit = AT_ONCE + len(self._under_way)
        due = await self._ledger.read(lambda tx: tx.untold(now=now, limit=limit))
        return [event for event in due if event.id not in self._under_way][:AT_ONCE]

    async def _tell(self, event: Untold) -> None:
        told = self._mood.behaviour.webhooks
        late_ms = told.delay_ms + told.shuffle_ms * random.random()  # noqa: S311  # a test's chance
        await asyncio.sleep(late_ms / 1000)
        status = None
        for _ in range(0 if told.drop else told.copies):
            status = await self._post(event, forged=told.forge)
        is_over = told.drop or told.forge or (status is not None and 200 <= status < 300)
        again_at = None if is_over else self._again_at(event.attempts + 1)
        await self._ledger.note(lambda tx: tx.told(event.id, again_at=again_at))
        self._under_way.discard(event.id)

    async def _post(self, event: Untold, *, forged: bool) -> int | None:
        """Send it once. The status of the answer, or none."""
        secret = "forged" if forged else self._receiver.secret
        at = int(self._world.now().timestamp())
        signature = sign(event.body, secret=secret, at=at)
        status = None
        with suppress(OSError, TimeoutError, ValueError, IndexError):
            async with asyncio.timeout(PATIENCE_S):
                status = await _post(self._receiver.url, event.body, signature)
        log.info("webhook", event_id=event.id, status=status)
        return status

    def _again_at(self, attempts: int) -> float | None:
        if attempts >= ATTEMPTS:
            return None
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 10))
        return self._world.now().timestamp() + pause_s


def sign(body: bytes, *, secret: str, at: int) -> str:
    """Stripe's signature, scheme v1: https://docs.stripe.com/webhooks#verify-manually."""
    signed = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


async def _post(url: str, body: bytes, signature: str) -> int:
    to = urlsplit(url)
    is_secure = to.scheme == "https"
    port = to.port or (443 if is_secure else 80)
    reader, writer = await asyncio.open_connection(to.hostname, port, ssl=is_secure or None)
    try:
        head = (
            f"POST {to.path or '/'} HTTP/1.1\r\nHost: {to.netloc}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Stripe-Signature: {signature}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        _, status, *_ = (await reader.readline()).split()
        return int(status)
    finally:
        writer.close()
