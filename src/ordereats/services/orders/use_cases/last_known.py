"""Last known: customers and menus as they were heard of last, for when nobody can be asked.

Who is asked first is always the service that owns the answer. Copies come by its events, and each
answer of it confirms them, or says that they are out of date; one of these, or one that was not
confirmed for too long, is not used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Generic, TypeVar

import structlog

from ordereats.chassis.background import Background
from ordereats.chassis.clock import Clock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database, Transaction
from ordereats.chassis.errors import Conflict, Invalid, Unavailable, rules_may_refuse
from ordereats.contracts import pricing
from ordereats.contracts.ids import RestaurantId, UserId
from ordereats.contracts.menus import AskQuote, Quote
from ordereats.contracts.openings import check_open, opens_next, takes_orders_at
from ordereats.contracts.restaurants import MenuChanged
from ordereats.contracts.users import UserCreated
from ordereats.services.orders import store
from ordereats.services.orders.clients import Customers, Menus

log = structlog.get_logger(__name__)

T = TypeVar("T")

NOTED_EVERY_S = 60.0
"""How often what was confirmed is written; a process that dies meanwhile loses nothing but that."""
NOTED_AGAIN = 24
"""What was confirmed in the last of so many parts of the time that it is used is not written."""
AT_ONCE = 1000
"""Written in one statement."""
MOST = 50_000
"""Confirmations of each kind that wait to be written; more are let go."""


@dataclass(frozen=True, slots=True)
class Heard(Generic[T]):
    """An answer.

    Attributes:
        is_last_known: nobody could be asked.
    """

    value: T
    is_last_known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFor:
    """How long what others said last is used after it was confirmed, when they can't be asked.

    Attributes:
        customers: that someone has registered hardly goes stale.
        menus: a restaurant tells its hours a week ahead, at least.
    """

    customers: timedelta
    menus: timedelta


class LastKnown:
    """Asks users and restaurants, and falls back on what they said last."""

    def __init__(
        self,
        database: Database,
        background: Background,
        clock: Clock,
        customers: Customers,
        menus: Menus,
        *,
        known_for: KnownFor,
    ) -> None:
        """Prepare, in the loop that will ask.

        Args:
            database: has the copies.
            background: owns the tasks that read them.
            clock: says what is open.
            customers: who is asked first.
            menus: who is asked first.
            known_for: how long copies are used.
        """
        self._database = database
        self._clock = clock
        self._customers = customers
        self._menus = menus
        self._known_for = known_for
        read_customers = partial(_read_customers, database, known_for.customers.total_seconds())
        read_menus = partial(_read_menus, database, known_for.menus.total_seconds())
        self._known_customers = Coalescer(read_customers, background, name="known customers")
        self._known_menus = Coalescer(read_menus, background, name="known menus")
        self._confirmed_customers: set[UserId] = set()
        self._confirmed_menus: dict[RestaurantId, int] = {}

    async def customer(self, user_id: UserId) -> Heard[bool]:
        """Whether there is such a customer.

        Raises:
            Unavailable: users can't be asked, and nothing was heard of this one: it may be new.
        """
        try:
            is_known = await self._customers.is_known(user_id)
        except Unavailable as error:
            if not await self._known_customers.ask(user_id):
                raise
            _say_used("customer", error)
            return Heard(value=True, is_last_known=True)
        if is_known and len(self._confirmed_customers) < MOST:
            self._confirmed_customers.add(user_id)
        return Heard(is_known)

    async def quote(self, restaurant_id: RestaurantId, asked: AskQuote) -> Heard[Quote | None]:
        """What a basket costs; None where there is no such restaurant.

        Raises:
            Invalid: as restaurants does.
            Conflict: as restaurants does, also by what it said last.
            Unavailable: it can't be asked, and what it said last is unknown, out of date, too old
                or not enough: see `_by_copy`.
        """
        try:
            quote = await self._menus.quote(restaurant_id, asked)
        except Unavailable as error:
            menu = await self._known_menus.ask(restaurant_id)
            if menu is None or menu.price_list.version < self._answered(restaurant_id):
                raise
            said = _by_copy(menu, asked, now=self._clock.now())
            if said is None:
                raise
            _say_used("menu", error)
            if isinstance(said, Conflict):
                raise said from None
            return Heard(said, is_last_known=True)
        if quote is not None:
            before = self._answered(restaurant_id)
            if before or len(self._confirmed_menus) < MOST:
                # Of two that are asked at the same moment the older answer may come last.
                self._confirmed_menus[restaurant_id] = max(before, quote.version)
        return Heard(quote)

    async def note_confirmed(self) -> bool:
        """Write some of what answers have confirmed. Returns whether there may be more at once.

        What was written a short while ago is not written again.
        """
        customers = list(islice(self._confirmed_customers, AT_ONCE))
        menus = list(islice(self._confirmed_menus.items(), AT_ONCE))
        if customers:
            after_s = (self._known_for.customers / NOTED_AGAIN).total_seconds()
            await store.confirm_customers(self._database, sorted(customers), after_s=after_s)
            self._confirmed_customers.difference_update(customers)
        if menus:
            after_s = (self._known_for.menus / NOTED_AGAIN).total_seconds()
            await store.confirm_menus(self._database, menus, after_s=after_s)
            for restaurant_id, version in menus:
                if self._answered(restaurant_id) == version:  # and no newer one since
                    del self._confirmed_menus[restaurant_id]
        return AT_ONCE in {len(customers), len(menus)}

    def _answered(self, restaurant_id: RestaurantId) -> int:
        """The newest version by which restaurants answered, until that is written; else 0."""
        return self._confirmed_menus.get(restaurant_id, 0)


async def learn_customer(tx: Transaction, user: UserCreated) -> None:
    """Someone has registered."""
    await store.learn_customer(tx, user.user_id)


async def learn_menu(tx: Transaction, menu: MenuChanged) -> None:
    """A restaurant has something new to say; what is older than the copy changes nothing."""
    await store.learn_menu(tx, menu)


async def _read_customers(
    database: Database, known_for_s: float, ids: Sequence[UserId]
) -> list[bool]:
    known = await store.known_customers(database, ids, known_for_s=known_for_s)
    return [each in known for each in ids]


async def _read_menus(
    database: Database, known_for_s: float, ids: Sequence[RestaurantId]
) -> list[MenuChanged | None]:
    known = await store.known_menus(database, ids, known_for_s=known_for_s)
    return [known.get(each) for each in ids]


def _by_copy(menu: MenuChanged, asked: AskQuote, *, now: datetime) -> Quote | Conflict | None:
    """What restaurants would say by what it said last; None where it may well say otherwise.

    A dish or an option that is not on the copy may be on the list by now, and portions that have a
    count are known to restaurants alone.
    """
    paused_until = menu.paused_until
    opens_at = takes_orders_at(
        has_hours=menu.openings is not None,
        opens=opens_next(menu.openings or (), max(now, paused_until or now)),
        paused_until=paused_until,
        now=now,
    )
    try:
        with rules_may_refuse():
            quote = pricing.quote(menu.price_list, asked)
            check_open(menu.price_list.name, opens_at, paused_until=paused_until, now=now)
    except Invalid:
        return None
    except Conflict as refused:
        return refused
    return None if quote.is_limited else quote


def _say_used(of: str, error: Unavailable) -> None:
    log.warning("last_known_used", of=of, code=error.code)
