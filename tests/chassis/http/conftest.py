"""An app that can go wrong in every way, and the services that create things; both on sockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from litestar import get, post
from msgspec import Meta, Struct

from ordereats.chassis import context
from ordereats.chassis.errors import Conflict, DatabaseError, NotFound, Unavailable
from ordereats.chassis.http.app import create_app
from ordereats.contracts.ids import Identifier, UserId
from ordereats.contracts.wire import Answer, Body
from ordereats.topology.local.part import Process
from support.builders import Client, Running, fresh_database, running, serving

SECRET = "the-secret-inside"


class Line(Body, frozen=True):
    name: Annotated[str, Meta(min_length=1)]
    qty: Annotated[int, Meta(ge=1, le=99)]


class Basket(Body, frozen=True):
    user_id: Identifier
    items: Annotated[tuple[Line, ...], Meta(min_length=1)]
    note: Annotated[str, Meta(max_length=10)] | None = None


class Seen(Answer, frozen=True):
    """What a route sees of its context."""

    correlation_id: str
    traceparent: str | None
    principal: str
    remaining_s: float


class Count(Struct, frozen=True):
    lines: int


class PriceChanged(Conflict, code="price_changed"):
    """As a service would define one."""


class Tired(Unavailable, code="tired"):
    """As a service would define one."""

    retry_after_s = 7


@post("/baskets")
async def fill(data: Basket) -> Count:
    return Count(len(data.items))


@get("/things/{thing_id:int}")
async def thing(thing_id: UserId) -> Count:
    return Count(thing_id)


@get("/seen")
async def seen() -> Seen:
    at = context.current()
    return Seen(at.correlation_id, at.traceparent, at.principal.name, at.remaining_s(1000))


@get("/late")
async def late() -> Count:
    await asyncio.sleep(0.05)
    return Count(1)


@get("/errors/{kind:str}")
async def fail(kind: str) -> None:
    raise {
        "unexpected": RuntimeError(SECRET),
        "database": DatabaseError(SECRET),
        "missing": NotFound("There is no such thing."),
        "conflict": PriceChanged("It costs 12.00 now."),
        "down": Tired("The cook sleeps."),
    }[kind]


@pytest.fixture(scope="module")
async def probe() -> AsyncIterator[Client]:
    """Give a client of an app that needs no database."""
    async with serving(create_app("probe", [fill, thing, seen, late, fail], [])) as client:
        yield client


@pytest.fixture(scope="module")
async def shop(postgres_server: Process) -> AsyncIterator[Running]:
    """Run the services that create things."""
    async with (
        fresh_database(postgres_server) as url,
        running(["users", "restaurants", "orders", "kitchen"], url) as shop,
    ):
        yield shop
