"""An order's story: what each service still knows of it, and what this process remembers doing.

Facts come from databases and outlive a restart; spans come from memory and don't. Neither names a
person or a place.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from ordereats.chassis.errors import DatabaseError, Unavailable
from ordereats.chassis.messaging import history
from ordereats.chassis.telemetry.spans import Spans, SpanShown
from ordereats.contracts.ids import OrderId
from ordereats.contracts.wire import Answer

if TYPE_CHECKING:  # the sandbox has no database, and must not load a driver
    from ordereats.chassis.db.pool import Database, Row

MOST_ORDERS = 5
"""Of one trace, whose facts are told with it."""


class Fact(Answer, frozen=True, kw_only=True):
    """Something that a database says of an order.

    Attributes:
        at: when it became so; of what waits, since when.
        service: who says it.
        subject: the entity that it is about, such as `ticket/17`.
        what: is so, in words without names.
        attempts: how often it was tried; 0: it is not counted.
        error: the kind of what went wrong last.
    """

    at: datetime
    service: str
    subject: str
    what: str
    attempts: int = 0
    error: str | None = None


class Story(Answer, frozen=True, kw_only=True):
    """What a process has to tell.

    Attributes:
        services: that it speaks for.
        silent: those of them whose database does not answer.
        facts: in the order of time.
        spans: likewise.
    """

    services: Sequence[str]
    silent: Sequence[str]
    facts: Sequence[Fact]
    spans: Sequence[SpanShown]


Tell: TypeAlias = Callable[[OrderId], Awaitable[Sequence[Fact]]]
"""What a service says of an order; nothing, if it has never heard of it."""


def facts_of(rows: "Iterable[Row]", service: str) -> list[Fact]:
    """Rows of `at`, `subject`, `what`, `attempts` and `error`, as facts of a service."""
    return [
        Fact(
            at=row["at"],
            service=service,
            subject=row["subject"],
            what=row["what"],
            attempts=row["attempts"],
            error=row["error"],
        )
        for row in rows
    ]


class Stories:
    """Tells, for a process, the stories of orders and of traces."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._databases: list[tuple[Database, dict[str, Tell | None]]] = []

    def add(self, database: "Database", tells: dict[str, Tell | None]) -> None:
        """Let the services of one more database tell; None: it has nothing to say of orders."""
        self._databases.append((database, tells))

    async def of_order(
        self, order_id: OrderId, subjects: Sequence[str] = (), traces: Sequence[str] = ()
    ) -> Story:
        """What is known of an order.

        Args:
            order_id: its id.
            subjects: what others call its payment, ticket and so on: to find messages about them.
            traces: that had to do with it elsewhere.
        """
        facts, silent = await self._facts(order_id, subjects)
        return self._story(facts, silent, self._spans.of_order(order_id, traces))

    async def of_trace(self, name: str) -> Story:
        """What is known of a trace, by its id or the correlation id of its request."""
        spans = self._spans.of_trace(name)
        orders = dict.fromkeys(each.order_id for each in spans if each.order_id is not None)
        facts: list[Fact] = []
        silent: set[str] = set()
        for order_id in [*orders][:MOST_ORDERS]:
            its, unheard = await self._facts(OrderId(order_id), ())
            facts += its
            silent |= unheard
        return self._story(facts, silent, spans)

    async def _facts(
        self, order_id: OrderId, subjects: Sequence[str]
    ) -> tuple[list[Fact], set[str]]:
        facts: list[Fact] = []
        silent: set[str] = set()
        for database, tells in self._databases:
            try:
                its = [each for tell in tells.values() if tell for each in await tell(order_id)]
                about = {f"order/{order_id}", *subjects, *(each.subject for each in its)}
                its += facts_of_messages(await history.about(database, sorted(about)))
            except (DatabaseError, Unavailable):
                silent |= tells.keys()
            else:
                facts += its
        return facts, silent

    def _story(
        self, facts: Sequence[Fact], silent: Iterable[str], spans: Sequence[SpanShown]
    ) -> Story:
        names = [name for _, tells in self._databases for name in tells]
        return Story(
            services=names,
            silent=sorted(silent),
            facts=sorted(facts, key=lambda each: each.at),
            spans=spans,
        )


def facts_of_messages(rows: "Iterable[Row]") -> list[Fact]:
    """Messages that wait, or had to be tried again; each is a fact of whoever has it."""
    return [
        Fact(
            at=row["at"],
            service=row["owner"].partition(".")[0],
            subject=row["subject"],
            what=f"{row['type']} {row['state']}",
            attempts=row["attempts"],
            error=row["error"] or None,
        )
        for row in rows
    ]
