"""What was promised against what is there. Pure: no I/O, no clock."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from chaos.log import Answered, Asked
from ordereats.contracts.orders import OrderStatus
from ordereats.topology.city.simulation.stage import ENDED


class Wrong(StrEnum):
    """How a promise may be broken."""

    LOST = "lost"
    """It was answered that there is an order, and there is none."""
    DUPLICATED = "duplicated"
    """One wish, two orders."""
    UNEXPECTED = "unexpected"
    """It was answered that nothing was done, and there is an order."""
    STUCK = "stuck"
    """It came to no end in time."""
    MONEY = "money"
    """It was taken twice, or not as the order's end asks for."""
    AUDIT = "audit"
    """Something else that must always hold does not."""
    NOT_WELL = "not well"
    """Everything was mended, and the platform does not come back or does not say what is there."""


class Violation(Struct, frozen=True, rename="camel"):
    """One broken promise.

    Attributes:
        subject: what it is about, such as `order 17`.
    """

    wrong: Wrong
    subject: str
    message: str


class Found(Struct, frozen=True, rename="camel"):
    """An order as the platform shows it.

    Attributes:
        notes: the key of the wish that it came from.
    """

    id: int
    status: OrderStatus
    notes: str | None = None


class Truth(Struct, frozen=True, kw_only=True):
    """What is there when nothing moves any more.

    Attributes:
        orders: all of them.
        charges: how often the provider has reserved money for each order.
        off: orders whose payment is not what their end asks for.
        waiting: how much still waits, by where.
        findings: what the audit says, its claim first.
    """

    orders: Sequence[Found]
    charges: Mapping[int, int]
    off: Sequence[int] = ()
    waiting: Mapping[str, int]
    findings: Sequence[tuple[str, str]] = ()


def violations(asked: Sequence[Asked], truth: Truth) -> tuple[Violation, ...]:
    """Every promise that was broken; none is what all of this is for."""
    return (
        *_of_wishes(asked, truth),
        *_of_ends(truth),
        *_of_money(truth),
        *(Violation(Wrong.AUDIT, claim, said) for claim, said in truth.findings),
    )


def _of_wishes(asked: Sequence[Asked], truth: Truth) -> Iterator[Violation]:
    there: defaultdict[str | None, list[int]] = defaultdict(list)
    for order in truth.orders:
        there[order.notes].append(order.id)
    for each in asked:
        found = there[each.key]
        if each.answered is Answered.OK and each.made not in found:
            said = f"was answered to {each.key}, and is not there"
            yield Violation(Wrong.LOST, f"order {each.made}", said)
        if each.answered is Answered.FAILED and found:
            said = f"{each.key} was answered by {each.why}, and is there all the same"
            yield Violation(Wrong.UNEXPECTED, _orders(found), said)
    for key, found in there.items():
        if key is not None and len(found) > 1:
            yield Violation(Wrong.DUPLICATED, _orders(found), f"all came from {key}")


def _of_ends(truth: Truth) -> Iterator[Violation]:
    for order in truth.orders:
        if order.status not in ENDED:
            yield Violation(Wrong.STUCK, f"order {order.id}", f"is still {order.status}")
    for where, count in truth.waiting.items():
        if count:
            yield Violation(Wrong.STUCK, where, f"{count} still there")


def _of_money(truth: Truth) -> Iterator[Violation]:
    for order_id, times in Counter(truth.charges).items():
        if times > 1:
            said = f"was charged {times} times, by the provider's ledger"
            yield Violation(Wrong.MONEY, f"order {order_id}", said)
    for order_id in truth.off:
        said = "has a payment that does not fit its end"
        yield Violation(Wrong.MONEY, f"order {order_id}", said)


def _orders(ids: Sequence[int]) -> str:
    return f"order {', '.join(map(str, ids))}"
