"""What a simulation has come to, so far and in the end. Figures only; `shown` draws them."""

from collections import Counter
from dataclasses import dataclass

from ordereats.contracts.orders import OrderStatus
from ordereats.topology.city.simulation.money import Books
from ordereats.topology.city.simulation.stage import Stage
from ordereats.topology.city.tally import Tally, quantile


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is.

    Attributes:
        planned: how many orders there are to be.
        now_min: simulated minutes since the start.
        passed_s: seconds on the wall since the start.
    """

    planned: int
    now_min: float
    passed_s: float
    by_status: Counter[OrderStatus]
    unplaced: int
    requests: int
    latest: tuple[str, ...]

    @property
    def placed(self) -> int:
        """Orders that exist."""
        return sum(self.by_status.values())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What it has come to.

    Attributes:
        interrupted: it was ended before its end.
        patience_s: how long no order may move before those that have not ended are given up.
        unplaced: why customers went away without an order, counted by the code of the refusal.
        unended: orders that had no end when it was over.
        lost: how many customers never heard whether there is an order.
        door_min: from the order to the door, in simulated minutes, ascending.
        books: None: the platform did not answer.
    """

    progress: Progress
    interrupted: bool
    patience_s: float
    unplaced: dict[str, int]
    unended: tuple[int, ...]
    lost: int
    door_min: list[float]
    tally: Tally
    books: Books | None

    @property
    def is_fine(self) -> bool:
        """Whether every order has ended, and its money is where it belongs."""
        books_fine = self.books is not None and self.books.are_balanced
        return not (self.interrupted or self.unended or self.lost) and books_fine

    @property
    def median_min(self) -> float:
        """From the order to the door."""
        return quantile(self.door_min, 0.5)

    @property
    def p90_min(self) -> float:
        """Nine of ten had it sooner."""
        return quantile(self.door_min, 0.9)


def progress(stage: Stage, tally: Tally, planned: int) -> Progress:
    """How far it is now."""
    now_min = stage.clock.now_min
    return Progress(
        planned=planned,
        now_min=now_min,
        passed_s=stage.clock.seconds(now_min),
        by_status=Counter(order.status for order in stage.orders.values()),
        unplaced=sum(stage.unplaced.values()) + len(stage.lost),
        requests=tally.total,
        latest=tuple(tally.latest),
    )


def door_min(stage: Stage) -> list[float]:
    """How long each delivered order took from its placing, by the platform's own clock."""
    return sorted(
        stage.clock.minutes((order.updated_at - order.created_at).total_seconds())
        for order in stage.orders.values()
        if order.status is OrderStatus.DELIVERED
    )
