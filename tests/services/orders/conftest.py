"""Orders on its own tables, with neighbours that a test can break."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import pytest

from ordereats.chassis.background import Background, Jobs
from ordereats.chassis.clock import SystemClock
from ordereats.chassis.coalescing import Coalescer
from ordereats.chassis.db.pool import Database
from ordereats.chassis.http.health import Draining
from ordereats.chassis.http.idempotency import Answers
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.contracts.events import Event, type_of
from ordereats.contracts.ids import HoldId, OrderId, RestaurantId, UserId
from ordereats.contracts.menus import AskQuote, Basket, Quote
from ordereats.contracts.orders import Order, OrderStatus
from ordereats.services.orders.handlers import subscriptions
from ordereats.services.orders.jobs import jobs
from ordereats.services.orders.use_cases import placing, reading
from ordereats.services.orders.use_cases.deps import Deps
from ordereats.services.orders.use_cases.figures import Figures
from ordereats.services.orders.use_cases.last_known import KnownFor, LastKnown
from ordereats.services.orders.use_cases.placements import Placements
from ordereats.services.orders.use_cases.streams import Streams
from services.orders.facts import RESTAURANT, SAID, USER, WAYS, a_command, a_quote
from support.builders import a_message, nothing

DAY = KnownFor(customers=timedelta(days=1), menus=timedelta(days=1))
Tables = Callable[..., AbstractAsyncContextManager[Database]]


@dataclass
class Users:
    """Knows user 1; raises what it is told to."""

    fails: Exception | None = None

    async def is_known(self, user_id: UserId) -> bool:
        if self.fails is not None:
            raise self.fails
        return user_id == USER


@dataclass
class Menus:
    """Knows restaurant 2; quotes what it is told to, and notes what it is asked."""

    says: Quote = field(default_factory=a_quote)
    fails: Exception | None = None
    sold_out: Exception | None = None
    asked: list[AskQuote] = field(default_factory=list)
    held: list[tuple[HoldId, Basket]] = field(default_factory=list)

    async def quote(self, restaurant_id: RestaurantId, asked: AskQuote) -> Quote | None:
        if self.fails is not None:
            raise self.fails
        self.asked.append(asked)
        return self.says if restaurant_id == RESTAURANT else None

    async def hold(self, restaurant_id: RestaurantId, hold_id: HoldId, items: Basket) -> None:
        assert restaurant_id == RESTAURANT
        if self.sold_out is not None:
            raise self.sold_out
        self.held.append((hold_id, items))


async def agrees(_order_id: OrderId) -> None:
    """The kitchen has not begun."""


@dataclass
class Kitchen:
    """Does what a test wants when it is asked to withdraw."""

    does: Callable[[OrderId], object] = agrees
    asked: list[OrderId] = field(default_factory=list)

    async def withdraw(self, order_id: OrderId, restaurant_id: RestaurantId) -> None:
        assert restaurant_id == RESTAURANT
        self.asked.append(order_id)
        await self.does(order_id)  # type: ignore[misc]  # every one of the tests' is a coroutine


@dataclass
class Desk:
    """One process of orders."""

    deps: Deps
    users: Users
    menus: Menus
    kitchen: Kitchen
    inbox: Inbox
    jobs: Jobs
    draining: Draining

    async def place(self, **changes: object) -> OrderId:
        return (await placing.place(self.deps, a_command(**changes))).id

    async def get(self, order_id: OrderId) -> Order:
        return await reading.get(self.deps, order_id)

    async def hear(self, fact: Event) -> None:
        family = type_of(fact).split(".")[1]
        await self.inbox.handler(f"orders.{family}")(a_message(fact, correlation_id="the-walk"), 1)

    async def brought_to(self, status: OrderStatus) -> OrderId:
        """Place an order and let others say what brings it there."""
        order_id = await self.place()
        for each in WAYS[status]:
            await self.hear(SAID[each](order_id))
        assert (await self.get(order_id)).status is status
        return order_id

    async def rows(self, sql: str) -> list[dict[str, object]]:
        return [dict(row) for row in await self.deps.database.fetch(sql)]

    async def told(self, order_id: OrderId) -> list[str]:
        """The facts of an order, in their order: `placed`, `paid`."""
        wanted = "select type from outbox where subject = $1 order by version"
        rows = await self.deps.database.fetch(wanted, f"order/{order_id}")
        return [row["type"].split(".")[2] for row in rows]


@asynccontextmanager
async def a_desk(
    database: Database,
    *,
    pay_within_s: float = 1800,
    answer_within_s: float = 1800,
    known_for: KnownFor = DAY,
    most_streams: int = 10,
) -> AsyncIterator[Desk]:
    """Run a process of orders on a database, without its jobs."""
    async with Background.open() as background:
        clock, answers, draining = SystemClock(), Answers(database), Draining()
        outbox = Outbox("orders", clock, nothing)
        pay_within = timedelta(seconds=pay_within_s)
        figures = Figures()
        placements = Placements(database, outbox, answers, clock, pay_within, figures)
        users, menus, kitchen = Users(), Menus(), Kitchen()
        last_known = LastKnown(
            database,
            background,
            clock,
            users,
            menus,
            known_for=known_for,
        )
        deps = Deps(
            database=database,
            outbox=outbox,
            answers=answers,
            clock=clock,
            last_known=last_known,
            menus=menus,
            kitchen=kitchen,
            placements=Coalescer(placements.write, background, name="placements", is_change=True),
            found=Coalescer(partial(reading.find, database), background, name="found"),
            answer_within=timedelta(seconds=answer_within_s),
            streams=Streams(database, draining, most=most_streams, heartbeat_s=0.2),
            figures=figures,
        )
        inbox, running = Inbox(database, subscriptions(deps)), Jobs(background)
        yield Desk(deps, users, menus, kitchen, inbox, running, draining)
        await running.stop(within_s=5)


@pytest.fixture
async def database(tables: Tables) -> AsyncIterator[Database]:
    async with tables("orders") as database:
        yield database


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with a_desk(database) as desk:
        yield desk


def start_jobs(desk: Desk) -> None:
    """Let a process do what it does by itself."""
    for each in jobs(desk.deps):
        desk.jobs.start(each)
