"""A provider that keeps a ledger, does a thing once for a key, and loses answers if told to."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from ordereats.chassis.config import Environment
from ordereats.services.payments.clients import News, ProviderUncertainError, Stripe
from ordereats.services.payments.domain.payments import (
    Authorized,
    Canceled,
    Captured,
    Declined,
    Payment,
    Truth,
)
from ordereats.services.payments.domain.refunds import Outcome, Refund, Refunded
from ordereats.services.payments.settings import Settings

SECRET = "shared-by-both"


@dataclass(slots=True)
class Provider:
    """Moves money, on paper.

    Attributes:
        charges: what has become of each, by its key.
        refunds: what came of each, by its key, and how much it was.
        ledger: what happened to money: the kind, the order and the amount.
        asked: what it was asked, the order and the key.
        declines: why an order's card is refused.
        loses: answers to a kind of question get lost, after it was done, so many times.
        misses: questions of a kind don't arrive, so many times.
        breaks: raised for an order, before anything else.
        outcomes: what comes of a refund, instead of money, by its order.
        may_answer: it waits for this before it answers, after it has done what it was asked.
        begun: it was asked something.
    """

    charges: dict[str, Truth] = field(default_factory=dict)
    refunds: dict[str, Outcome] = field(default_factory=dict)
    ledger: list[tuple[str, int, int]] = field(default_factory=list)
    asked: list[tuple[str, int, str]] = field(default_factory=list)
    declines: dict[int, str] = field(default_factory=dict)
    loses: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    breaks: dict[int, Exception] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    def times(self, kind: str) -> int:
        """How often it was asked this."""
        return sum(each[0] == kind for each in self.asked)

    async def authorize(self, payment: Payment) -> Truth:
        self._ask("authorize", payment.order_id, payment.charge_key)
        if payment.charge_key not in self.charges:
            reference = f"pi_{len(self.charges) + 1}"
            reason = self.declines.get(payment.order_id)
            truth = Declined(reason, reference) if reason else Authorized(reference)
            self.charges[payment.charge_key] = truth
            self._note("declined" if reason else "authorized", payment)
        return await self._answer("authorize", payment)

    async def capture(self, payment: Payment) -> Truth:
        self._ask("capture", payment.order_id, payment.charge_key)
        if isinstance(truth := self.charges[payment.charge_key], Authorized):
            self.charges[payment.charge_key] = Captured(truth.reference)
            self._note("captured", payment)
        return await self._answer("capture", payment)

    async def cancel(self, payment: Payment) -> Truth:
        self._ask("cancel", payment.order_id, payment.charge_key)
        if isinstance(truth := self.charges[payment.charge_key], Authorized):
            self.charges[payment.charge_key] = Canceled(truth.reference)
            self._note("canceled", payment)
        return await self._answer("cancel", payment)

    async def look(self, payment: Payment) -> Truth | None:
        self._ask("look", payment.order_id, payment.charge_key)
        return self.charges.get(payment.charge_key)

    async def refund(self, refund: Refund) -> Outcome:
        self._ask("refund", refund.order_id, refund.key)
        if refund.key not in self.refunds:
            number = f"re_{len(self.refunds) + 1}"
            self.refunds[refund.key] = self.outcomes.get(refund.order_id, Refunded(number))
            if isinstance(self.refunds[refund.key], Refunded):
                self.ledger.append(("refunded", refund.order_id, refund.amount.minor))
        self.begun.set()
        await self.may_answer.wait()
        self._lose("refund")
        return self.refunds[refund.key]

    async def look_refund(self, refund: Refund) -> Outcome | None:
        self._ask("look_refund", refund.order_id, refund.key)
        return self.refunds.get(refund.key)

    def news(self, body: bytes, signature: str | None) -> News:
        """As the real one reads it."""
        settings = Settings.read(Environment({"STRIPE_WEBHOOK_SECRET": SECRET}))
        return Stripe(settings).news(body, signature)

    async def _answer(self, kind: str, payment: Payment) -> Truth:
        truth = self.charges[payment.charge_key]
        self.begun.set()
        await self.may_answer.wait()
        self._lose(kind)
        return truth

    def _ask(self, kind: str, order_id: int, key: str) -> None:
        self.asked.append((kind, order_id, key))
        if order_id in self.breaks:
            raise self.breaks[order_id]
        if self.misses[kind] > 0:
            self.misses[kind] -= 1
            raise ProviderUncertainError("the question got lost")

    def _lose(self, kind: str) -> None:
        if self.loses[kind] > 0:
            self.loses[kind] -= 1
            raise ProviderUncertainError("the answer got lost")

    def _note(self, kind: str, payment: Payment) -> None:
        self.ledger.append((kind, payment.order_id, payment.amount.minor))
