"""How edges and neighbours are, for whoever looks: `/health/ready`, `/metrics`, `ordereats ps`."""

from msgspec import Struct


class Counts(Struct):
    """Calls of an edge since the process began, by how they ended.

    Attributes:
        answered: with what was asked for, or with a refusal.
        failed: with an error that says that the callee is not well, or not in time.
        refused: by the breaker; the callee was not asked.
        full: at the bulkhead; the callee was not asked.
        cancelled: the caller went away, or had too little time to say anything of the callee.
    """

    answered: int = 0
    failed: int = 0
    refused: int = 0
    full: int = 0
    cancelled: int = 0


class Changed(Struct, frozen=True, rename="camel"):
    """A breaker's state changed.

    Attributes:
        ago_s: how long ago, in seconds.
        to: the state that it has had from then on.
        reason: why, with the figures.
    """

    ago_s: float
    to: str
    reason: str


class EdgeState(Struct, frozen=True, rename="camel"):
    """How an edge is.

    Attributes:
        callee: the neighbour.
        kind: the kind of call.
        breaker: `closed`, `open`, `half_open`, `forced_open`, `forced_closed`.
        since_s: for how many seconds it has been so.
        calls: that it judges by: those in its window; of an open one, those that opened it.
        failure_rate: the part of them that failed, from 0 to 1.
        slow_rate: the part of them that was slow, from 0 to 1.
        retry_in_s: for how many seconds an open one will not let a call go; 0 otherwise.
        slow_s: an answer that takes longer is slow.
        history: its last ten transitions, the oldest first.
        opened: how often it has opened since the process began.
        counts: all calls since the process began.
    """

    callee: str
    kind: str
    breaker: str
    since_s: float
    calls: int
    failure_rate: float
    slow_rate: float
    retry_in_s: float
    slow_s: float
    history: list[Changed]
    opened: int
    counts: Counts


class NeighbourState(Struct, frozen=True, rename="camel"):
    """What all kinds of calls to one neighbour share.

    Attributes:
        callee: the neighbour.
        running: calls that are under way.
        limit: how many may be.
        waiting: calls that wait for one of these to end.
        retry_tokens: what is in its retry budget: a retry costs one, ten answers earn one.
        retries: made since the process began.
        retries_denied: those that the budget did not allow.
    """

    callee: str
    running: int
    limit: int
    waiting: int
    retry_tokens: float
    retries: int
    retries_denied: int
