"""What notifications does. The mail server is asked between transactions, never inside one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import structlog
from prometheus_client.metrics_core import GaugeMetricFamily

from ordereats.chassis import story as story_of
from ordereats.chassis.backoff import equal_jitter_s, up_to_twice_s
from ordereats.chassis.calls.edge import Edge
from ordereats.chassis.clock import Clock
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import TooEarly, Unavailable
from ordereats.chassis.failpoints import Failpoint
from ordereats.chassis.messaging.lag import MOST_COUNTED
from ordereats.chassis.telemetry.asking import asked
from ordereats.chassis.telemetry.instruments import Counter
from ordereats.chassis.telemetry.metrics import Families, Source
from ordereats.contracts import notifications as contract
from ordereats.contracts.deliveries import DeliveryAssigned
from ordereats.contracts.ids import OrderId
from ordereats.contracts.kitchen import TicketDelayed
from ordereats.contracts.notifications import Mail, Notification, Receiver
from ordereats.contracts.orders import OrderCancelled, OrderPaid
from ordereats.contracts.restaurants import RestaurantChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.notifications import domain, store
from ordereats.services.notifications.clients import (
    MAY_HAVE_ARRIVED,
    Line,
    MailFailed,
    NotTaken,
    Post,
    Refused,
    Uncertain,
)
from ordereats.services.notifications.domain import Fact, Letter

log = structlog.get_logger(__name__)

AT_ONCE = 5
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 1800.0
"""Before a mail that was not taken is tried again."""
GOING_OUT = Failpoint(
    "mail.going_out", "That a mail goes out is stored; its text has not been sent.", fails=NotTaken
)
TAKEN = Failpoint("mail.taken", "The server has taken a mail; that is not stored.", fails=Uncertain)


class Figures:
    """What notifications counts of its business, in one process.

    Attributes:
        told: messages, by who was told; one that was told before is none.
        mails: by what came of sending them.
    """

    def __init__(self) -> None:
        self.told = Counter(
            "ordereats_notifications",
            "Messages that customers, restaurants and couriers were told, mailed or not.",
            ("receiver",),
            known=[(each.value,) for each in Receiver],
        )
        self.mails = Counter(
            "ordereats_mails",
            "Mails by what came of sending them; put off: not taken, and tried again.",
            ("outcome",),
            known=[(Mail.SENT.value,), (Mail.PARKED.value,), ("put_off",)],
        )

    def sources(self, database: Database) -> list[Source]:
        """All that notifications shows."""
        return [self.told.families, self.mails.families, partial(waiting, database)]


@dataclass(frozen=True, slots=True)
class Deps:
    """What notifications needs.

    Attributes:
        has_server: whether mail is sent, or kept.
        wake_job: says that mail is due.
        figures: of this process.
    """

    database: Database
    clock: Clock
    has_server: bool
    wake_job: Callable[[], None]
    figures: Figures = field(default_factory=Figures)


@dataclass(frozen=True, slots=True)
class Sending:
    """What sending mail needs.

    Attributes:
        edge: leaves a mail server alone for a while that takes no mail, or is slow.
        lease_s: longer than the server may take for `AT_ONCE` mails.
        max_attempts: then a mail is parked.
        figures: of this process.
    """

    database: Database
    clock: Clock
    post: Post
    edge: Edge
    lease_s: float
    max_attempts: int
    figures: Figures = field(default_factory=Figures)


async def tell(deps: Deps, tx: Transaction, fact: Fact) -> None:
    """Tell everyone who must hear of a fact, each at most once.

    Raises:
        TooEarly: it does not say whose order it is about, and nothing else has yet.
    """
    await _follow(tx, fact)
    user_id = getattr(fact, "user_id", None)
    known = await store.known(tx, fact.order_id, user_id, domain.restaurant_of(fact))
    if isinstance(fact, TicketDelayed) and known.user_id is None:
        raise TooEarly(f"Order {fact.order_id} is not known here yet.")
    for told in domain.tell(fact, known):
        mail = domain.first_state(told, has_server=deps.has_server)
        if await store.add(tx, told, mail, at=deps.clock.now()):
            tx.after_commit(partial(deps.figures.told.note, told.receiver.value))
    if deps.has_server:
        tx.after_commit(deps.wake_job)


async def tell_cancelled(deps: Deps, tx: Transaction, fact: OrderCancelled, version: int) -> None:
    """Tell of an order that was cancelled. That it was paid may still have to be heard."""
    await store.follow(tx, fact.order_id, fact.user_id, is_paid=domain.was_paid(version))
    await tell(deps, tx, fact)


async def meet(tx: Transaction, user: UserCreated) -> None:
    """Remember who someone is."""
    await store.meet(tx, user)


async def learn(tx: Transaction, restaurant: RestaurantChanged, version: int) -> None:
    """Remember what a restaurant is called, and where it wants to hear of orders.

    What is older than that changes nothing.
    """
    await store.learn(tx, restaurant, version)


async def page(
    deps: Deps, receiver: Receiver, receiver_id: int, *, after: int, limit: int
) -> list[Notification]:
    """What someone was told, in order."""
    return await store.page(deps.database, receiver, receiver_id, after=after, limit=limit)


async def story(database: Database, order_id: OrderId) -> list[story_of.Fact]:
    """Who was told what of an order, for operators."""
    return story_of.facts_of(await store.story(database, order_id), "notifications")


async def letters(deps: Deps, *, after: int, limit: int) -> list[contract.Letter]:
    """What was, is or would be mailed, in order."""
    return await store.letters(deps.database, after=after, limit=limit)


async def send_due(sending: Sending) -> bool:
    """Send some of the mail that is due. Returns whether there may be more at once."""
    lease = sending.clock.new_id()
    due = await store.lease_due(sending.database, lease=lease, for_s=sending.lease_s, limit=AT_ONCE)
    if not due:
        return False
    async with sending.post.line() as line:
        was_asked = [await _send(sending, line, letter, lease) for letter in due]
    return len(due) == AT_ONCE and all(was_asked)


async def due_in_s(sending: Sending, since_s: float) -> float | None:
    """When the next mail is due: see `Job.due_in_s`."""
    return await store.due_in_s(sending.database, since_s)


async def waiting(database: Database) -> Families:
    """The mail that has not been sent, and for how long the first of it has not."""
    count = GaugeMetricFamily(
        "ordereats_mails_waiting",
        f"Mails that are to be sent, or sent again, counted up to {MOST_COUNTED}.",
    )
    oldest = GaugeMetricFamily(
        "ordereats_mails_waiting_oldest_seconds", "How long ago the first of them was made."
    )
    found = await asked(partial(store.waiting, database, limit=MOST_COUNTED))
    if found is not None:
        count.add_metric((), found.number)
        oldest.add_metric((), found.oldest_s)
    return [count, oldest]


async def _follow(tx: Transaction, fact: Fact) -> None:
    match fact:
        case OrderPaid():
            await store.follow(tx, fact.order_id, fact.user_id, is_paid=True)
        case OrderCancelled():
            await store.follow(tx, fact.order_id, fact.user_id, is_cancelled=True)
        case DeliveryAssigned():
            await store.follow(tx, fact.order_id, fact.user_id, courier_id=fact.courier_id)
        case _:
            pass


async def _send(sending: Sending, line: Line, letter: Letter, lease: UUID) -> bool:
    """Send one mail at most once. Returns whether the server may be asked to take more."""
    if letter.was_handed:
        await _park(sending, letter, lease, Uncertain("CutOff", MAY_HAVE_ARRIVED))
        return True
    try:
        exchange = partial(_exchange, sending, line, letter, lease)
        is_sent = await sending.edge.run(exchange, fails=_fails)
    except Unavailable as refused:
        by_s = up_to_twice_s(refused.retry_after_s)
        await store.postpone_unasked(sending.database, letter.id, lease=lease, by_s=by_s)
        return False
    except NotTaken as error:
        await _put_off(sending, letter, lease, error)
    except (Refused, Uncertain) as error:
        await _park(sending, letter, lease, error)
    else:
        if is_sent:
            await store.end(sending.database, letter.id, Mail.SENT, lease=lease)
            sending.figures.mails.note(Mail.SENT.value)
    return True


async def _exchange(sending: Sending, line: Line, letter: Letter, lease: UUID) -> bool:
    """Hand it over, unless the lease has passed to someone else. That it goes out is stored before.

    Whoever finds that noted, and no outcome, does not send it again: it may have arrived.
    """
    await line.offer(letter)
    if not await store.hand_over(sending.database, letter.id, lease=lease):
        return False
    await GOING_OUT.reached()
    await line.hand_over(letter)
    await TAKEN.reached()
    return True


def _fails(error: Exception) -> bool:
    return isinstance(error, MailFailed) and error.is_unwell


async def _put_off(sending: Sending, letter: Letter, lease: UUID, error: NotTaken) -> None:
    if letter.attempts >= sending.max_attempts:
        await _park(sending, letter, lease, error)
        return
    log.warning(
        "mail_not_taken", notification_id=letter.id, attempt=letter.attempts, error=error.summary
    )
    by_s = equal_jitter_s(letter.attempts, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
    await store.postpone(sending.database, letter.id, lease=lease, by_s=by_s, error=str(error))
    sending.figures.mails.note("put_off")


async def _park(
    sending: Sending, letter: Letter, lease: UUID, error: NotTaken | Refused | Uncertain
) -> None:
    log.error(
        "mail_parked", notification_id=letter.id, attempt=letter.attempts, error=error.summary
    )
    await store.end(sending.database, letter.id, Mail.PARKED, lease=lease, error=str(error))
    sending.figures.mails.note(Mail.PARKED.value)
