"""Notifications at work on a real database, and a real mail server that can misbehave."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from email import message_from_bytes
from email.message import Message as Mail

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ordereats.chassis.background import Hint
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.notifications import Letter, Notification, Receiver
from ordereats.services.notifications import use_cases
from ordereats.services.notifications.clients import Smtp
from ordereats.services.notifications.handlers import subscriptions
from ordereats.services.notifications.settings import Server
from ordereats.services.notifications.use_cases import Deps, Sending
from support.builders import a_message

Tables = Callable[..., AbstractAsyncContextManager[Database]]


class MailServer:
    """A mail server.

    Attributes:
        taken: the mails that it took, in order.
        rcpt: its answers to receivers, one after the other; then it takes them.
        data: its answers to texts, likewise.
        drops: it takes the text, and hangs up without a word.
        hangs: it takes the text, and says nothing.
        asked: texts that it was sent, taken or not.
    """

    def __init__(self) -> None:
        self.taken: list[Mail] = []
        self.rcpt: list[str] = []
        self.data: list[str] = []
        self.drops = False
        self.hangs: asyncio.Event | None = None
        self.asked = 0
        self.begun = asyncio.Event()
        self.logins: list[LoginPassword] = []
        self.port = 0

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if self.rcpt:
            return self.rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.asked += 1
        self.begun.set()
        if self.data:
            return self.data.pop(0)
        assert isinstance(envelope.content, bytes)
        self.taken.append(message_from_bytes(envelope.content))
        if self.hangs is not None:
            await self.hangs.wait()
        if self.drops:
            assert server.transport is not None
            server.transport.close()
        return "250 taken"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _kind: str, given: object
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.logins.append(given)
        return AuthResult(success=given.password == b"p@ss word", handled=False)

    async def has_taken(self) -> bool:
        return bool(self.taken)

    def protocol(self) -> SMTP:
        return SMTP(
            self, hostname="mail.test", authenticator=self.authenticate, auth_require_tls=False
        )


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    listener = await asyncio.get_running_loop().create_server(server.protocol, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    yield server
    listener.close()
    if server.hangs is not None:
        server.hangs.set()


class Desk:
    """Notifications, at work."""

    def __init__(self, database: Database, *, mail_port: int | None = None) -> None:
        self.database = database
        self.hint = Hint()
        self.deps = Deps(
            database=database,
            clock=SystemClock(),
            has_server=mail_port is not None,
            wake_job=self.hint.give,
        )
        self.sending = a_sending(database, mail_port or 9)
        self._inbox = Inbox(database, subscriptions(self.deps))

    async def hear(self, *facts: Event, version: int = 1) -> None:
        for fact in facts:
            family, message = type_of(fact).split(".")[1], a_message(fact, version=version)
            await self._inbox.handler(f"notifications.{family}")(message, 1)

    async def hear_again(self) -> None:
        """Try again what failed, at once."""
        await self.database.execute("update inbox set due_at = now() where state = 'waiting'")
        await self._inbox.retry_once()

    async def told(
        self, receiver_id: int = 1, receiver: Receiver = Receiver.CUSTOMER, **page: int
    ) -> list[Notification]:
        asked = {"after": 0, "limit": 100, **page}
        return await use_cases.page(self.deps, receiver, receiver_id, **asked)

    async def mail(self) -> list[Letter]:
        return await use_cases.letters(self.deps, after=0, limit=100)

    async def send(self) -> bool:
        return await use_cases.send_due(self.sending)

    async def let_time_pass(self) -> None:
        """Let every lease and every pause be over."""
        await self.database.execute(
            "update notifications set due_at = now() where due_at is not null"
        )

    async def pause_s(self) -> float:
        """Until the one mail is due."""
        (row,) = await self.database.fetch(
            "select extract(epoch from due_at - now())::float as pause_s from notifications"
        )
        return float(row["pause_s"])


def a_sending(database: Database, port: int, **changes: object) -> Sending:
    """What sends mail to a server on this port."""
    server = {
        "host": "127.0.0.1",
        "port": port,
        "is_tls": False,
        "username": None,
        "password": None,
        "sender": "orders@ordereats.test",
        "timeout_s": 2.0,
        **changes,
    }
    return Sending(
        database=database,
        clock=SystemClock(),
        post=Smtp(Server(**server)),  # type: ignore[arg-type]  # the fields above
        edge=Edges(EdgeSettings()).edge("mail", "send", slow_s=1),
        lease_s=30,
        max_attempts=3,
    )


@pytest.fixture
async def desk(tables: Tables) -> AsyncIterator[Desk]:
    """Without a mail server."""
    async with tables("notifications") as database:
        yield Desk(database)


@pytest.fixture
async def post_office(tables: Tables, mail_server: MailServer) -> AsyncIterator[Desk]:
    """With a mail server."""
    async with tables("notifications") as database:
        yield Desk(database, mail_port=mail_server.port)
