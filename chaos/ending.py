"""The end of a run: waits until nothing moves any more, then reads what is there."""

import asyncio
from collections import Counter
from contextlib import suppress
from time import monotonic

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from chaos.breaking import NeverWell
from chaos.platform import Platform
from chaos.schedule import BROKER, PROVIDER
from chaos.verdict import Found, Truth
from ordereats.chassis.messaging.bus import BusDownError
from ordereats.contracts.wire import decode
from ordereats.topology.audit.reading import PAGE, LedgerEntry
from ordereats.topology.audit.report import Report
from ordereats.topology.broker.queues import queues
from ordereats.topology.city.simulation.money import Books
from ordereats.topology.city.simulation.stage import ENDED
from ordereats.topology.dead_letters.at_broker import at_broker
from ordereats.topology.local.part import CannotStart, Kind

DEAD_LETTERS = "dead letters"
READ_WITHIN_S = 30.0
"""What can't be read in the end is asked for again, for so long."""
_LOOKS_EVERY_S = 1.0
_WAITING = {
    "ordereats_outbox_unpublished_events": "outbox",
    "ordereats_inbox_messages": "inbox",
}


class Silent(Exception):
    """A service answered, and its database did not."""


_UNREAD = (aiohttp.ClientError, BusDownError, CannotStart, Silent, TimeoutError)


class Ending:
    """What a platform says when the load is over."""

    def __init__(self, platform: Platform, http: aiohttp.ClientSession) -> None:
        self._platform = platform
        self._http = http

    async def until_nothing_moves(self, patience_s: float) -> None:
        """Wait for the last order's end, empty outboxes, queues and inboxes, and settled money.

        What is still not so when patience ends is a violation; this only waits.
        """
        deadline = monotonic() + patience_s
        while monotonic() < deadline:
            with suppress(*_UNREAD):  # as good as moving
                if await self._is_still():
                    return
            await asyncio.sleep(_LOOKS_EVERY_S)

    async def truth(self, books: Books | None) -> Truth:
        """What is there now.

        Args:
            books: what the customers know of their money; None: they could not ask.

        Raises:
            NeverWell: some of it can't be read.
        """
        deadline = monotonic() + READ_WITHIN_S
        while True:
            try:
                return await self._truth(books)
            except _UNREAD as error:
                if monotonic() > deadline:
                    said = f"What is there in the end can't be read: {error!r}."
                    raise NeverWell(said) from error
            await asyncio.sleep(_LOOKS_EVERY_S)

    async def _is_still(self) -> bool:
        orders = await self._orders()
        if not all(each.status in ENDED for each in orders):
            return False
        waiting = {**await self._in_boxes(), **await self._at_broker()}
        waiting.pop(DEAD_LETTERS)  # they will not move, whoever waits
        return not any(waiting.values()) and (await self._audit()).holds

    async def _truth(self, books: Books | None) -> Truth:
        audit = await self._audit()
        findings = [
            (each.claim, f"{finding.subject} {finding.message}")
            for each in audit.checks
            for finding in each.findings
        ]
        findings += [(each.claim, each.skipped) for each in audit.checks if each.skipped]
        if books is None:
            findings.append(("Customers can ask for their money.", "payments do not answer"))
        return Truth(
            orders=await self._orders(),
            charges=await self._charges(),
            off=books.off if books else (),
            waiting={**await self._in_boxes(), **await self._at_broker()},
            findings=findings,
        )

    async def _orders(self) -> list[Found]:
        found: list[Found] = []
        while len(found) % PAGE == 0:
            page = {"limit": PAGE, "after": found[-1].id if found else 0}
            async with self._http.get("/orders", params=page) as answer:
                answer.raise_for_status()
                more = decode(await answer.read(), list[Found])
            if not more:
                break
            found += more
        return found

    async def _in_boxes(self) -> dict[str, int]:
        """How much waits in the outbox and the inbox of each service.

        Raises:
            Silent: `/metrics` tells nothing of them, as it does while a database does not answer.
        """
        waiting: dict[str, int] = {}
        for part in self._platform.parts(Kind.SERVICE):
            async with self._http.get(f"{part.url}/metrics") as answer:
                answer.raise_for_status()
                text = await answer.text()
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if sample.name in _WAITING:
                        box = f"{_WAITING[sample.name]} of {part.name}"
                        waiting[box] = waiting.get(box, 0) + int(sample.value)
            if f"outbox of {part.name}" not in waiting:
                raise Silent(f"the database of {part.name} did not answer")
        return waiting

    async def _charges(self) -> Counter[int]:
        """How often the provider has reserved money for each order, by its ledger."""
        url = f"{self._platform.part(PROVIDER).url}/ledger"
        charges: Counter[int] = Counter()
        after = 0
        while True:
            async with self._http.get(url, params={"limit": PAGE, "after": after}) as answer:
                answer.raise_for_status()
                page = msgspec.json.decode(await answer.read(), type=list[LedgerEntry])
            if not page:
                return charges
            after = page[-1].sequence
            charges.update(
                int(each.metadata["order_id"]) for each in page if each.kind == "authorized"
            )

    async def _at_broker(self) -> dict[str, int]:
        """How much waits in each queue that has anything, and among the dead letters."""
        broker = at_broker(self._platform.part(BROKER).url)
        queued, dead = await broker.waiting([each.name for each in queues()])
        return {**{f"queue {name}": count for name, count in queued.items()}, DEAD_LETTERS: dead}

    async def _audit(self) -> Report:
        said = await self._platform.command("audit", "--grace", "0", "--json", fine=(0, 1))
        return msgspec.json.decode(said, type=Report)
