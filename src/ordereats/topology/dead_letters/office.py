"""All letters of a platform, wherever they lie. A store that can't be reached hides no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from ordereats.chassis.clock import Clock
from ordereats.chassis.errors import DatabaseError
from ordereats.chassis.messaging.bus import BusDownError
from ordereats.topology.dead_letters.at_broker import at_broker
from ordereats.topology.dead_letters.letter import Choice, Letter, Opened, Refused, Store
from ordereats.topology.dead_letters.parked import Parked
from ordereats.topology.places import Places
from ordereats.topology.settings import by_database

T = TypeVar("T")

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found.

    Attributes:
        letters: the longest there first.
        unread: a sentence for each store that could not be read.
    """

    letters: Sequence[Letter]
    unread: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of the chosen ones.

    Attributes:
        went: back to their consumers.
        refused: still where they were, each with the reason.
        unread: a sentence for each store that could not be read.
    """

    went: Sequence[Letter]
    refused: Sequence[Refused]
    unread: Sequence[str] = ()


def stores(places: Places) -> list[Store]:
    """Where letters of a platform may lie.

    Raises:
        Misconfigured: nobody says where events travel.
    """
    inboxes = [Parked(url, names) for url, names in by_database(places.databases).items()]
    return [at_broker(places.needed_broker()), *inboxes]


async def look(where: Sequence[Store], choice: Choice, clock: Clock) -> Looked:
    """List the chosen ones. None is moved."""
    now = clock.now()

    async def of(store: Store) -> list[Letter]:
        async with store.opened() as letters:
            return [each.letter async for each in letters if choice.takes(each.letter, now)]

    found, unread = await _of_all(where, of)
    letters = [letter for each in found for letter in each]
    return Looked(sorted(letters, key=lambda letter: letter.since or _LONG_AGO), unread)


async def open_one(where: Sequence[Store], id_: str) -> tuple[Opened | None, Sequence[str]]:
    """A letter and what is in it, or None; and a sentence for each store that can't be read."""

    async def of(store: Store) -> Opened | None:
        async with store.opened() as letters:
            async for each in letters:
                if each.letter.id == id_:
                    return each
        return None

    found, unread = await _of_all(where, of)
    return next((each for each in found if each is not None), None), unread


async def redrive(where: Sequence[Store], choice: Choice, clock: Clock) -> Redriven:
    """Hand the chosen ones to their consumers once more."""
    now = clock.now()

    async def of(store: Store) -> tuple[Sequence[Letter], Sequence[Refused]]:
        return await store.redrive(lambda letter: choice.takes(letter, now))

    done, unread = await _of_all(where, of)
    return Redriven(
        went=[letter for went, _ in done for letter in went],
        refused=[each for _, refused in done for each in refused],
        unread=unread,
    )


async def _of_all(
    where: Sequence[Store], ask: Callable[[Store], Awaitable[T]]
) -> tuple[list[T], list[str]]:
    """Ask all at once; what they say, and a sentence for each that can't be read."""

    async def asked(store: Store) -> tuple[list[T], list[str]]:
        try:
            return [await ask(store)], []
        except (DatabaseError, BusDownError) as error:
            return [], [f"{store.name} can't be read: {error}"]

    async with asyncio.TaskGroup() as tasks:
        all_asked = [tasks.create_task(asked(store)) for store in where]
    said = [each.result() for each in all_asked]
    return [one for ones, _ in said for one in ones], [why for _, whys in said for why in whys]
