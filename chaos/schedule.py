"""What is broken when: a pure function of a seed. It breaks nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from ordereats.topology.catalog import CALLS, SERVICES
from ordereats.topology.city.chance import dice

T = TypeVar("T")

EVERY_S = 7.5
"""From one fault to the next, give or take. In ten minutes, enough of them are more than 60."""
FIRST_AFTER_S = 3.0
LAST_BEFORE_S = 8.0
"""The end of the load: the last fault strikes under load, too."""

BROKER = "rabbitmq"
PROVIDER = "sandbox"
GATEWAY = "gateway"

Target = tuple[str, ...]
"""A part by its name, or an edge by its two, the one that connects first."""


class Act(StrEnum):
    """What is done."""

    KILL = "kill"
    """SIGKILL, as a power cut."""
    RESTART = "restart"
    """The signal by which it is asked to stop; the supervisor starts it again."""
    PAUSE = "pause"
    """SIGSTOP, and SIGCONT: it holds its connections and answers nobody."""
    CUT = "cut"
    """Connections are reset, and new ones too, for a moment."""
    DELAY = "delay"
    BLACK_HOLE = "black-hole"
    """Nothing comes through; what was sent arrives when it is over."""
    FAIL = "fail"
    """The provider answers 503 and does nothing."""
    LOSE_ANSWERS = "lose-answers"
    """The provider does what it is asked, and its answer never comes."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        what: it strikes, as people say it.
        targets: it may strike one of these.
        lasts_s: from and to; 0 for what is over at once.
    """

    act: Act
    what: str
    targets: Sequence[Target]
    lasts_s: tuple[float, float] = (0.0, 0.0)

    @property
    def name(self) -> str:
        """Of the kind, in a word or two."""
        return f"{self.act} {self.what}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        at_s: since the load began.
        kind: by its name.
        lasts_s: how long it is kept up; 0: it is over at once.
    """

    at_s: float
    kind: str
    act: Act
    target: Target
    lasts_s: float


_SERVICES = tuple((name,) for name in SERVICES)
_DATABASES = tuple((f"postgres-{name}",) for name in SERVICES)
_EDGES = {
    "a call": (
        *((GATEWAY, name) for name in SERVICES),
        *((caller, callee) for caller, callees in CALLS.items() for callee in callees),
    ),
    "the provider": (("payments", PROVIDER), (PROVIDER, "payments")),
    "a database": tuple((name, f"postgres-{name}") for name in SERVICES),
    "the broker": tuple((name, BROKER) for name in SERVICES),
}
_ON_EDGES = {Act.CUT: (0.5, 1.5), Act.DELAY: (3.0, 6.0), Act.BLACK_HOLE: (2.0, 5.0)}

KINDS: Sequence[Kind] = (
    Kind(Act.KILL, "a service", _SERVICES),
    Kind(Act.PAUSE, "a service", _SERVICES, (2.0, 6.0)),
    Kind(Act.KILL, "the gateway", ((GATEWAY,),)),
    Kind(Act.KILL, "the broker", ((BROKER,),)),
    Kind(Act.RESTART, "the broker", ((BROKER,),)),
    Kind(Act.PAUSE, "the broker", ((BROKER,),), (2.0, 5.0)),
    Kind(Act.KILL, "a database", _DATABASES),
    Kind(Act.RESTART, "a database", _DATABASES),
    Kind(Act.PAUSE, "a database", _DATABASES, (2.0, 5.0)),
    Kind(Act.KILL, "the provider", ((PROVIDER,),)),
    Kind(Act.FAIL, "the provider", ((PROVIDER,),), (2.0, 5.0)),
    Kind(Act.LOSE_ANSWERS, "the provider", ((PROVIDER,),), (2.0, 5.0)),
    *(
        Kind(act, f"the way to {what}", targets, lasts_s)
        for act, lasts_s in _ON_EDGES.items()
        for what, targets in _EDGES.items()
    ),
)
"""Every way in which something is broken here."""


def schedule(
    seed: int, *, seconds: float, every_s: float = EVERY_S, kinds: Sequence[Kind] = KINDS
) -> tuple[Fault, ...]:
    """The faults of a run, by time.

    Kinds come as cards are dealt: each once, in an order by chance, before any comes again. So do
    the targets of a kind.
    """
    thrown = dice(seed, "faults")
    cards = _dealt(seed, "kinds", kinds)
    targets = {each.name: _dealt(seed, each.name, each.targets) for each in kinds}
    faults = []
    at_s = FIRST_AFTER_S
    while at_s < seconds - LAST_BEFORE_S:
        kind = next(cards)
        lasts_s = round(thrown.uniform(*kind.lasts_s), 1)
        target = next(targets[kind.name])
        faults.append(Fault(round(at_s, 1), kind.name, kind.act, target, lasts_s))
        at_s += every_s * thrown.uniform(0.75, 1.25)
    return tuple(faults)


def _dealt(seed: int, name: str, cards: Sequence[T]) -> Iterator[T]:
    """One card after the other, shuffled anew whenever all have come."""
    thrown = dice(seed, "cards", name)
    while True:
        yield from thrown.sample(cards, len(cards))
