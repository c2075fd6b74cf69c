"""Sheds load: so many requests may be at work in a process, and one too many is told so at once.

An event loop that has too much to do does not fail. It queues, until no answer comes in time to be
of use to anyone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from types import MappingProxyType

import structlog
from msgspec import Struct

from ordereats.chassis.config import Environment
from ordereats.chassis.context import Priority
from ordereats.chassis.http.gradient import Bounds, Gradient
from ordereats.chassis.slots import Slot

log = structlog.get_logger(__name__)

SHARES = MappingProxyType({Priority.CHANGE: 1.0, Priority.READ: 0.8, Priority.BROWSE: 0.6})
"""Up to which share of the limit a request of each priority comes in."""
CALM_S = 1.0
"""After so long without a refusal, an overload is over."""


class PriorityState(Struct, frozen=True, rename="camel"):
    """What became of the requests of one priority since the process began."""

    priority: Priority
    admitted: int
    shed: int


class LimiterState(Struct, frozen=True, rename="camel"):
    """How much there is to do here, for whoever looks.

    Attributes:
        is_on: whether anyone is refused.
        is_shedding: somebody was refused, a moment ago.
        limit: how many requests may be at work at once.
        in_flight: how many are; who waits for a neighbour is not counted.
        slowness: how long requests take, by how long they may. The limit falls above 1.
        priorities: what became of requests.
    """

    is_on: bool
    is_shedding: bool
    limit: int
    in_flight: int
    slowness: float
    priorities: list[PriorityState]


class Limiter:
    """Lets requests in, as many as can be answered well, and those that matter most first."""

    def __init__(
        self,
        bounds: Bounds | None = None,
        *,
        is_on: bool = True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Begin.

        Args:
            bounds: of the limit.
            is_on: whether to refuse anyone.
            clock: monotonic, in seconds.
        """
        self._gradient = Gradient(bounds or Bounds())
        self._is_on = is_on
        self._clock = clock
        self._in_flight = 0
        self._admitted = dict.fromkeys(Priority, 0)
        self._shed = dict.fromkeys(Priority, 0)
        self._overload: _Overload | None = None

    @classmethod
    def read(cls, environment: Environment) -> "Limiter":
        """Make one as the environment says.

        Raises:
            Misconfigured: a setting can't be right.
        """
        usual = Bounds()
        most = environment.whole(
            "CONCURRENCY_LIMIT_MOST", usual.most, least=usual.least, most=10_000
        )
        is_on = environment.choice("SHEDDING", "on", ("on", "off")) == "on"
        return cls(Bounds(first=min(usual.first, most), most=most), is_on=is_on)

    def admit(self, priority: Priority) -> Slot | None:
        """A place for a request that has just come, or None: there is too much to do."""
        now = self._clock()
        if self._is_on and self._in_flight >= self._gradient.limit * SHARES[priority]:
            self._refuse(priority, now)
            return None
        self._in_flight += 1
        slot = Slot(self, now, priority, is_quiet=self._gradient.is_quiet(self._in_flight))
        self._admitted[priority] += 1
        return slot

    def let_by(self) -> Slot:
        """A place beside the limit, for what is never refused and says nothing of the rest."""
        return Slot(self, self._clock(), Priority.CHANGE, is_held=False)

    def retry_after_s(self) -> int:
        """When to ask again: not everyone at the same moment."""
        return 1 + sum(self._shed.values()) % 3

    def state(self) -> LimiterState:
        """How it is now."""
        return LimiterState(
            is_on=self._is_on,
            is_shedding=self._overload is not None and self._overload.lasts(self._clock()),
            limit=int(self._gradient.limit),
            in_flight=self._in_flight,
            slowness=round(self._gradient.slowness, 3),
            priorities=[
                PriorityState(each, self._admitted[each], self._shed[each]) for each in Priority
            ],
        )

    def step_out(self) -> float:
        """One less is at work; when that is."""
        self._in_flight -= 1
        return self._clock()

    def step_in(self) -> float:
        """One more is at work, without asking: it was in before. When that is."""
        self._in_flight += 1
        return self._clock()

    def learn(self, slot: Slot, route: str, *, has_failed: bool) -> None:
        """Take in how long a request was at work, until now."""
        now = self._clock()
        took_s = now - slot.began - slot.away_s
        if not has_failed:
            was_quiet = slot.is_quiet and self._gradient.is_quiet(self._in_flight)
            self._gradient.learn(route, took_s, was_quiet=was_quiet)
        self._gradient.note(
            route, began=slot.began, took_s=took_s, now=now, in_flight=self._in_flight
        )
        if self._overload is not None and not self._overload.lasts(now):
            self._overload.log_end()
            self._overload = None

    def _refuse(self, priority: Priority, now: float) -> None:
        self._shed[priority] += 1
        if self._overload is None:
            log.warning("shedding_began", limit=int(self._gradient.limit))
            self._overload = _Overload(now)
        self._overload.last = now
        self._overload.shed += 1


@dataclass(slots=True)
class _Overload:
    """A time in which some are refused."""

    since: float
    last: float = 0.0
    shed: int = 0

    def lasts(self, now: float) -> bool:
        return now - self.last < CALM_S

    def log_end(self) -> None:
        log.info("shedding_ended", shed=self.shed, seconds=round(self.last - self.since, 1))
