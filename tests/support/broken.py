"""`ordereats` with one rule broken on purpose: `python -m support.broken RULE serve …`.

What it replaces are the very methods that keep the rule: whoever renames one is told by mypy.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ordereats.chassis.db.pool import Transaction
from ordereats.chassis.messaging.bus import Bus, Message
from ordereats.chassis.messaging.inbox import Inbox
from ordereats.chassis.messaging.lanes import Delivery, Lanes
from ordereats.chassis.messaging.outbox import Outbox
from ordereats.chassis.messaging.relay import Relay
from ordereats.cli.main import main

ANSWER_IS_OUT_S = 0.3
"""So long a handler works here at least: the queue has long heard that it is done."""


def acknowledge_before_commit() -> None:
    """Tell the queue that a message is done with, and then see to it."""

    async def answer(self: Lanes, delivery: Delivery) -> None:
        await delivery.done()
        await asyncio.sleep(ANSWER_IS_OUT_S)
        await self._why_unreadable(delivery)

    Lanes._answer = answer  # type: ignore[method-assign]  # this is what the program is for


def publish_before_commit() -> None:
    """Tell the world from inside the transaction, past the outbox."""
    buses: list[Bus] = []
    prepare = Relay.__init__

    def prepare_and_keep_bus(self: Relay, *given: Any, **named: Any) -> None:
        buses.append(given[1])
        prepare(self, *given, **named)

    async def add_all(_self: Outbox, _tx: Transaction, messages: Sequence[Message]) -> None:
        await buses[0].publish(messages)

    Relay.__init__ = prepare_and_keep_bus  # type: ignore[method-assign]  # as above
    Outbox.add_all = add_all  # type: ignore[assignment, method-assign]  # as above


def no_inbox() -> None:
    """Do what a message asks for, and note nothing of it."""

    async def first_attempt(self: Inbox, consumer: str, message: Message) -> None:
        run, event = self._read(consumer, message)
        async with self._database.transaction() as tx:
            await run.run(tx, event, message.version)

    Inbox._first_attempt = first_attempt  # type: ignore[method-assign]  # as above


RULES: Mapping[str, Callable[[], None]] = {
    each.__name__: each for each in (acknowledge_before_commit, publish_before_commit, no_inbox)
}

if __name__ == "__main__":
    RULES[sys.argv.pop(1)]()
    main()
