"""Edges: the ways from this process to its neighbours, and what keeps each of them from doing harm.

A neighbour that is not well costs its callers an answer, never more: a breaker for each kind of
call stops asking one that fails or is slow, a bulkhead for each neighbour bounds who waits for it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Literal

import structlog

from ordereats.chassis.backoff import Chance
from ordereats.chassis.calls.breaker import Breaker, BreakerSettings, State, Transition
from ordereats.chassis.calls.bulkhead import Bulkhead
from ordereats.chassis.calls.edge import Edge, Neighbour
from ordereats.chassis.calls.states import EdgeState, NeighbourState
from ordereats.chassis.calls.window import Clock
from ordereats.chassis.config import Environment
from ordereats.chassis.errors import Misconfigured

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """How patient a process is with its neighbours.

    Attributes:
        breakers: whether they may open by themselves.
        breaker: when they do.
        calls: at once to each neighbour. A neighbour that answers in 10 ms gives 32 callers 3,200
            answers a second, more than a process of ours has; one that takes seconds holds no more
            than these.
        queue: how many more may wait for one of these to end: as many as a process ever has at work
            by itself. Of a burst that a neighbour can answer in time nobody is refused.
        queue_s: how long, at most: this keeps a burst from becoming a backlog.
    """

    breakers: bool = True
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    calls: int = 32
    queue: int = 1000
    queue_s: float = 0.5

    @classmethod
    def read(cls, environment: Environment) -> "EdgeSettings":
        """Read them.

        Raises:
            Misconfigured: one can't be right.
        """
        usual = cls()
        minimum = environment.whole(
            "BREAKER_MINIMUM_CALLS", usual.breaker.minimum_calls, least=1, most=10_000
        )
        window = environment.text("BREAKER_WINDOW", f"{usual.breaker.window_s}s")
        return cls(
            breakers=environment.choice("BREAKERS", "on", ("on", "off")) == "on",
            breaker=_with_window(replace(usual.breaker, minimum_calls=minimum), window),
            calls=environment.whole("BULKHEAD_CALLS", usual.calls, least=1, most=1_000),
        )


class Edges:
    """All edges of a process."""

    def __init__(
        self,
        settings: EdgeSettings,
        *,
        clock: Clock = monotonic,
        chance: Chance = random.random,
    ) -> None:
        """Begin without any: each is made when it is first asked for.

        Args:
            settings: of all of them.
            clock: monotonic seconds.
            chance: for the pauses.
        """
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._neighbours: dict[str, Neighbour] = {}
        self._edges: dict[tuple[str, str], Edge] = {}

    def edge(self, callee: str, kind: str, *, slow_s: float) -> Edge:
        """The edge of that name; the same one whenever it is asked for.

        Args:
            callee: a service, or someone outside, such as `provider`.
            kind: of call.
            slow_s: an answer that takes longer is slow.
        """
        edge = self._edges.get((callee, kind))
        if edge is None:
            edge = self._edges[callee, kind] = self._made(callee, kind, slow_s)
        return edge

    def force(self, callee: str, kind: str, to: Literal["open", "closed"] | None) -> bool:
        """Hold a breaker open or closed by hand; None: let it judge by itself again.

        Returns:
            Whether there is such an edge.
        """
        edge = self._edges.get((callee, kind))
        if edge is None:
            return False
        edge.breaker.force(None if to is None else State(f"forced_{to}"))
        return True

    def states(self) -> Sequence[EdgeState]:
        """How each edge is."""
        return [each.state() for each in self._edges.values()]

    def neighbours(self) -> Sequence[NeighbourState]:
        """What each neighbour's calls share."""
        return [each.state() for each in self._neighbours.values()]

    def _made(self, callee: str, kind: str, slow_s: float) -> Edge:
        def tell(change: Transition) -> None:
            tells = log.warning if change.state in _BAD else log.info
            tells(_EVENTS[change.state], callee=callee, kind=kind, why=change.reason)

        settings = self._settings
        neighbour = self._neighbours.get(callee)
        if neighbour is None:
            bulkhead = Bulkhead(
                callee, limit=settings.calls, queue=settings.queue, wait_s=settings.queue_s
            )
            neighbour = self._neighbours[callee] = Neighbour(callee, bulkhead)
        breaker = Breaker(
            settings.breaker,
            slow_s=slow_s,
            clock=self._clock,
            chance=self._chance,
            changed=tell,
        )
        if not settings.breakers:
            breaker.force(State.FORCED_CLOSED)
        return Edge(neighbour, kind, breaker, self._clock, self._chance)


_BAD = frozenset({State.OPEN, State.FORCED_OPEN})
_EVENTS = {
    State.CLOSED: "breaker_closed",
    State.OPEN: "breaker_opened",
    State.HALF_OPEN: "breaker_half_open",
    State.FORCED_OPEN: "breaker_forced_open",
    State.FORCED_CLOSED: "breaker_forced_closed",
}


def _with_window(breaker: BreakerSettings, given: str) -> BreakerSettings:
    number = given.removesuffix("s")
    if not (number.isascii() and number.isdecimal() and 1 <= int(number[:9]) <= 10_000):
        raise Misconfigured(
            f"BREAKER_WINDOW must be a time such as 10s or a number of calls such as 100,"
            f" from 1 to 10000, not {given!r}."
        )
    if number == given:
        return replace(breaker, window_calls=int(number))
    return replace(breaker, window_s=int(number))
