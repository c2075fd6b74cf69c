"""What notifications reads from the environment, once."""

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Settings:
    """How mail is sent.

    Attributes:
        server: None: mail is kept here, to be read in its list.
        max_attempts: then a mail is parked; with the pauses between them after about two hours.
    """

    server: "Server | None"
    max_attempts: int

    @classmethod
    def read(cls, environment: Environment) -> "Settings":
        """Read them.

        Raises:
            Misconfigured: one can't be right; names it, and never shows the password.
        """
        return cls(
            server=Server.read(environment),
            max_attempts=environment.whole("SMTP_MAX_ATTEMPTS", 14, least=1, most=100),
        )


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server.

    Attributes:
        is_tls: encrypted from the first byte; else as soon as the server offers it.
        sender: the address that mail comes from.
        timeout_s: how long it may take to get ready for a mail, and then to take it.
    """

    host: str
    port: int
    is_tls: bool
    username: str | None
    password: str | None
    sender: str
    timeout_s: float

    @property
    def must_encrypt(self) -> bool:
        """Whether a server that does not offer encryption is none that we talk to.

        A password crosses a network encrypted or not at all: whoever stands between could take the
        offer out of the server's greeting.
        """
        return self.password is not None and self.host not in _HERE

    @classmethod
    def read(cls, environment: Environment) -> "Server | None":
        """Read `smtp://user:password@host:port`; None where there is none."""
        given = environment.url("SMTP_URL", ("smtp", "smtps"))
        if given is None:
            return None
        parts = urlsplit(given)
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise Misconfigured("SMTP_URL must end with the host and the port.")
        if bool(parts.username) != bool(parts.password):
            raise Misconfigured("SMTP_URL must have a user and a password, or neither.")
        if parts.port == 0:
            raise Misconfigured("SMTP_URL must have a port from 1 to 65535, or none.")
        host = str(parts.hostname)
        sender = environment.text("SMTP_FROM", f"ordereats@{host}")
        _, at, domain = sender.rpartition("@")
        if not (at and domain and sender.isascii() and sender.isprintable()) or " " in sender:
            raise Misconfigured(f"SMTP_FROM must be an address such as me@host, not {sender!r}.")
        is_tls = parts.scheme == "smtps"
        return cls(
            host=host,
            port=parts.port or (465 if is_tls else 25),
            is_tls=is_tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            sender=sender,
            timeout_s=environment.seconds("SMTP_TIMEOUT_S", 20, least=0.1, most=300),
        )


_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
