"""What payments counts of its business: outcomes, money that moved, and what is not settled."""

from collections.abc import Iterable
from functools import partial

from prometheus_client.metrics_core import GaugeMetricFamily

from ordereats.chassis.db.pool import Database
from ordereats.chassis.messaging.lag import MOST_COUNTED
from ordereats.chassis.telemetry.asking import asked
from ordereats.chassis.telemetry.instruments import Counter
from ordereats.chassis.telemetry.metrics import Families, Source
from ordereats.contracts.money import CURRENCY, Money
from ordereats.contracts.payments import PaymentStatus, RefundStatus
from ordereats.services.payments.domain.payments import Move
from ordereats.services.payments.store import payments as rows
from ordereats.services.payments.store import refunds as refund_rows

MOVES = ("authorized", "captured", "refunded", "returned")
"""How money moves: reserved, taken, given back, and come back because the customer's bank did not
take it. Nothing moves when a payment is declined, or let go unasked."""


class Figures:
    """The counters of one process."""

    def __init__(self) -> None:
        self._payments = Counter(
            "ordereats_payment_moves",
            "Payments that came into this state; of refunds, each part counts.",
            ("status",),
            known=[(each.value,) for each in PaymentStatus if each != PaymentStatus.REQUESTED],
        )
        self._refunds = Counter(
            "ordereats_refunds",
            "Refunds by what became of them at the provider.",
            ("outcome",),
            known=[(RefundStatus.SUCCEEDED.value,), (RefundStatus.FAILED.value,)],
        )
        self._money = Counter(
            "ordereats_money_minor_units",
            "Money that moved, in hundredths of the currency.",
            ("move", "currency"),
            known=[(move, CURRENCY) for move in MOVES],
        )

    def moved(self, moves: Iterable[Move]) -> None:
        """Payments were moved."""
        for payment, _ in moves:
            self._payments.note(payment.status.value)
            if payment.status.value in MOVES:
                self._add(payment.status.value, payment.amount)

    def refunded(self, amount: Money) -> None:
        """Money went back to the customer."""
        self._payments.note(PaymentStatus.REFUNDED.value)
        self._refunds.note(RefundStatus.SUCCEEDED.value)
        self._add("refunded", amount)

    def refund_failed(self, returned: Money | None) -> None:
        """The provider will not give it back, or it came back after all."""
        self._refunds.note(RefundStatus.FAILED.value)
        if returned is not None:
            self._add("returned", returned)

    def sources(self, database: Database) -> list[Source]:
        """All that payments shows."""
        counted = (self._payments, self._refunds, self._money)
        return [*(each.families for each in counted), partial(unsettled, database)]

    def _add(self, move: str, amount: Money) -> None:
        self._money.note(move, amount.currency, by=amount.minor)


async def unsettled(database: Database) -> Families:
    """What is still to be done at the provider, and for how long the first has been."""
    count = GaugeMetricFamily(
        "ordereats_payments_unsettled",
        f"Payments and refunds that are due at the provider, counted up to {MOST_COUNTED}.",
        labels=("about",),
    )
    oldest = GaugeMetricFamily(
        "ordereats_payments_unsettled_oldest_seconds",
        "How long ago the provider was first asked for one of them; it was made, if never.",
        labels=("about",),
    )
    asking = {"payment": rows.unsettled, "refund": refund_rows.unsettled}
    for about, ask in asking.items():
        found = await asked(partial(ask, database, limit=MOST_COUNTED))
        if found is not None:
            count.add_metric((about,), found.number)
            oldest.add_metric((about,), found.oldest_s)
    return [count, oldest]
