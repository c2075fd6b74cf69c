"""A message that needs a person, in one shape wherever it lies, and a choice among such."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Literal, NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from ordereats.topology.wire_names import means


class Letter(Struct, frozen=True, rename="camel", kw_only=True):
    """What `dlq list` shows of a message: nothing that it says of anybody.

    Attributes:
        id: stays the same as long as it lies there.
        where: parked in its consumer's inbox, or among the broker's dead letters.
        queue: where it was to be handled; None: the broker does not say.
        type: the event's wire name; None where that can't be read.
        subject: the entity that it is about; likewise.
        reason: why it was not handled.
        since: when it came there; None: nobody noted it.
        attempts: how often handling it was tried; None: nobody counted.
    """

    id: str
    where: Literal["inbox", "broker"]
    queue: str | None
    type: str | None
    subject: str | None
    reason: str
    since: datetime | None
    attempts: int | None


class Opened(Struct, frozen=True, rename="camel", kw_only=True):
    """A letter and what is in it.

    Attributes:
        attributes: all that goes along with the message, by the names that are used where it lies.
        body: the fact as it was sent. It may say something of people.
    """

    letter: Letter
    attributes: Mapping[str, str]
    body: str


class Refused(NamedTuple):
    """A letter that was to go back and did not, and why."""

    letter: Letter
    why: str


Chooses: TypeAlias = Callable[[Letter], bool]


class Store(Protocol):
    """Where letters lie."""

    @property
    def name(self) -> str:
        """For people, such as `the inbox of orders`."""
        ...

    def opened(self) -> AbstractAsyncContextManager[AsyncIterator[Opened]]:
        """Look at each letter. It stays where it is, whatever becomes of who looks.

        Raises:
            DatabaseError: it can't be read.
            BusDownError: the same.
        """
        ...

    async def redrive(self, chooses: Chooses) -> tuple[Sequence[Letter], Sequence[Refused]]:
        """Hand the chosen ones to the one consumer that they were for, and to no other.

        At least once: killed in between, it leaves a letter that was handed over already. The inbox
        knows it then.

        Returns:
            Those that went, and those that did not.

        Raises:
            DatabaseError, BusDownError: as `opened`. Some may have gone.
        """
        ...


class Waiting(NamedTuple):
    """What waits at a broker.

    Attributes:
        queues: how many messages of each queue nobody has taken yet, where there are any. The
            PostgreSQL queue counts up to `lag.MOST_COUNTED` of each, RabbitMQ knows.
        dead: how many letters; those that somebody looks at now may not be among them.
    """

    queues: Mapping[str, int]
    dead: int


class BrokerStore(Store, Protocol):
    """The dead letters of a broker."""

    async def waiting(self, queues: Sequence[str]) -> Waiting:
        """Count what waits in these queues, and the letters.

        Raises:
            DatabaseError, BusDownError: as `opened`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which letters are meant; each that is given narrows it. In patterns, `*` is anything.

    Attributes:
        ids: one of these.
        queue: a pattern, such as `payments.*`.
        type: a pattern of the wire name or of its short form: `order.*`.
        subject: a pattern, such as `order/17`.
        reason: a part of it, in any case.
        older_than: how long it has been there. One whose time nobody noted is not.
    """

    ids: frozenset[str] = frozenset()
    queue: str | None = None
    type: str | None = None
    subject: str | None = None
    reason: str | None = None
    older_than: timedelta | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it."""
        return self == Choice()

    def takes(self, letter: Letter, now: datetime) -> bool:
        """Whether this one is meant."""
        return (
            (not self.ids or letter.id in self.ids)
            and (self.queue is None or fnmatchcase(letter.queue or "", self.queue))
            and (self.type is None or means(self.type, letter.type or ""))
            and (self.subject is None or fnmatchcase(letter.subject or "", self.subject))
            and (self.reason is None or self.reason.lower() in letter.reason.lower())
            and self._is_old_enough(letter, now)
        )

    def _is_old_enough(self, letter: Letter, now: datetime) -> bool:
        if self.older_than is None:
            return True
        return letter.since is not None and now - letter.since > self.older_than


def an_id(*parts: object) -> str:
    """Make a name that is short enough to copy, of what tells a letter from every other."""
    return sha256("\n".join(map(str, parts)).encode()).hexdigest()[:12]
