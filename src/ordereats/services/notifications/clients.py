"""The mail server: the port that notifications needs, and SMTP behind it."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from typing import Protocol

import aiosmtplib

from ordereats.chassis.certificates import Certificates
from ordereats.services.notifications.domain import Letter
from ordereats.services.notifications.settings import Server

MAY_HAVE_ARRIVED = "while its text was sent: it may have arrived."


class MailFailed(Exception):
    """A mail was not taken, or nobody knows whether it was.

    Attributes:
        summary: for the log: what happened, without the server's words, which quote addresses.
        is_unwell: whether it says that the server takes no mail now, and nothing of this one.
    """

    def __init__(self, summary: str, detail: str = "", *, is_unwell: bool = False) -> None:
        super().__init__(f"{summary} {detail}".strip())
        self.summary = summary
        self.is_unwell = is_unwell


class NotTaken(MailFailed):
    """It was not taken; it may be at another time."""


class Refused(MailFailed):
    """It was not taken and never will be."""


class Uncertain(MailFailed):
    """Its text was on its way when the connection ended: it may have arrived."""


class Line(Protocol):
    """A connection to the mail server, made when it is first needed and again when it was lost."""

    async def offer(self, letter: Letter) -> None:
        """Say from whom and to whom it goes.

        Raises:
            NotTaken, Refused: it goes nowhere.
        """
        ...

    async def hand_over(self, letter: Letter) -> None:
        """Send the text of what was just offered, and wait until the server has it.

        Raises:
            NotTaken, Refused: the server says that it has not.
            Uncertain: it does not say.
        """
        ...


class Post(Protocol):
    """What notifications needs from whoever carries mail."""

    def line(self) -> AbstractAsyncContextManager[Line]:
        """A connection for the length of a block."""
        ...


class Smtp:
    """A mail server that speaks SMTP."""

    def __init__(self, server: Server, certificates: Certificates | None = None) -> None:
        self._server = server
        self._certificates = certificates or Certificates()

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        line = _SmtpLine(self._server, self._certificates)
        try:
            yield line
        finally:
            line.close()


class _SmtpLine:
    def __init__(self, server: Server, certificates: Certificates) -> None:
        self._server = server
        self._certificates = certificates
        self._smtp: aiosmtplib.SMTP | None = None

    async def offer(self, letter: Letter) -> None:
        if not _ADDRESS.fullmatch(letter.to):
            raise Refused("NoAddress", "that mail can be sent to.")
        try:
            async with asyncio.timeout(self._server.timeout_s):
                await self._offer(letter)
        except _FAULTS as error:
            self.close()
            raise NotTaken(_summary(error), str(error), is_unwell=_is_unwell(error)) from None

    async def hand_over(self, letter: Letter) -> None:
        assert self._smtp is not None, "it was offered first"  # noqa: S101  # the port's contract
        text = compose(letter, sender=self._server.sender)
        try:
            async with asyncio.timeout(self._server.timeout_s):
                with _final_words():
                    await self._smtp.data(text)
        except aiosmtplib.SMTPResponseException as error:
            raise NotTaken(_summary(error), str(error), is_unwell=_is_unwell(error)) from None
        except _FAULTS as error:
            self.close()
            raise Uncertain(_summary(error), MAY_HAVE_ARRIVED, is_unwell=True) from None

    def close(self) -> None:
        """Hang up. Nothing is under way that a farewell would save."""
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    async def _offer(self, letter: Letter) -> None:
        if self._smtp is None or not self._smtp.is_connected:
            self._smtp = await self._connected()
        options, encoding = ([], "ascii") if letter.to.isascii() else (["SMTPUTF8"], "utf-8")
        await self._smtp.rset()
        await self._smtp.mail(self._server.sender, options=options)
        with _final_words():
            await self._smtp.rcpt(letter.to, encoding=encoding)

    async def _connected(self) -> aiosmtplib.SMTP:
        smtp = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            use_tls=self._server.is_tls,
            start_tls=True if self._server.must_encrypt and not self._server.is_tls else None,
            username=self._server.username,
            password=self._server.password,
            timeout=self._server.timeout_s,
        )
        try:
            await smtp.connect()
        except BaseException as error:
            self._certificates.failed("mail server", error)
            smtp.close()
            raise
        self._certificates.worked("mail server")
        return smtp


def compose(letter: Letter, *, sender: str) -> bytes:
    """The mail as it travels. Its Message-ID is the same whenever it is sent."""
    message = EmailMessage(policy=_PLAIN if letter.to.isascii() else SMTPUTF8)
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = " ".join(letter.subject.splitlines())
    message["Date"] = letter.created_at
    domain = sender.rpartition("@")[2]
    message["Message-ID"] = f"<{letter.id}.{letter.created_at:%Y%m%d%H%M%S%f}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message.as_bytes()


@contextmanager
def _final_words() -> Iterator[None]:
    """What a server says of a mail itself, and not of us, with a 5xx is its last word."""
    try:
        yield
    except (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError) as error:
        if error.code >= 500:
            raise Refused(_summary(error), str(error)) from None
        raise


def _is_unwell(error: BaseException) -> bool:
    """Of one receiver or text a server may say no; with 421 it says that it is going away."""
    if isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError):
        return error.code == _GOING_AWAY
    return True


def _summary(error: BaseException) -> str:
    code = getattr(error, "code", None)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(\.[\w-]+)*")
"""What we write to: no comments, quotes, lists or addresses in brackets, whose parts programs read
in different ways."""
_GOING_AWAY = 421
_PLAIN = SMTP.clone(cte_type="7bit")  # any server takes it
_FAULTS = (aiosmtplib.SMTPException, OSError, TimeoutError)
