"""Toxics: what can be wrong with the network between two parts. Pure: no I/O, clock or chance.

They are those of toxiproxy, the field's model. A toxic strikes a share of the connections of an
edge, in one direction or both; all that strike a direction make up one `Effect` on its bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct


class Direction(StrEnum):
    """As whoever has opened the connection sees it."""

    UPSTREAM = "upstream"  # what it sends: requests
    DOWNSTREAM = "downstream"  # what it gets: answers
    BOTH = "both"


Milliseconds = Annotated[int, Meta(ge=0, le=600_000)]
Size = Annotated[int, Meta(ge=1, le=1_000_000)]
Share = Annotated[float, Meta(gt=0, le=1)]


class Base(Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """What every toxic says.

    Attributes:
        share: of the connections that it strikes, each by chance and for as long as both live.
        direction: of the bytes that it strikes.
    """

    share: Share = 1.0
    direction: Direction = Direction.DOWNSTREAM


class Latency(Base, frozen=True, kw_only=True, tag="latency"):
    """Everything comes later, by `ms`, give or take up to `jitter_ms`; never out of order."""

    ms: Milliseconds
    jitter_ms: Milliseconds = 0


class Bandwidth(Base, frozen=True, kw_only=True, tag="bandwidth"):
    """No more than so many kilobytes (of 1000 bytes) a second on each connection."""

    kb_per_s: Size


class SlowClose(Base, frozen=True, kw_only=True, tag="slow-close"):
    """The end of what is sent comes later, by `ms`."""

    ms: Milliseconds


class BlackHole(Base, frozen=True, kw_only=True, tag="black-hole"):
    """Nothing comes through; after `ms` the connection is closed, or never if that is 0.

    What was sent meanwhile comes when the toxic is gone, as TCP would send it again.
    """

    ms: Milliseconds = 0
    direction: Direction = Direction.BOTH


class Reset(Base, frozen=True, kw_only=True, tag="reset"):
    """The connection is reset (RST) after `ms`, and what was on its way is lost."""

    ms: Milliseconds = 0
    direction: Direction = Direction.BOTH


class Slicer(Base, frozen=True, kw_only=True, tag="slicer"):
    """Data come in pieces of `bytes`, give or take up to `vary_bytes`, with `ms` between them."""

    bytes: Size
    vary_bytes: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    ms: Milliseconds = 0


class LimitData(Base, frozen=True, kw_only=True, tag="limit-data"):
    """The connection is closed after so many bytes; with 0, before the first."""

    bytes: Annotated[int, Meta(ge=0, le=1_000_000_000)]


class Down(Base, frozen=True, kw_only=True, tag="down"):
    """Connections are refused, and those that are open are reset."""

    direction: Direction = Direction.BOTH


Toxic: TypeAlias = Latency | Bandwidth | SlowClose | BlackHole | Reset | Slicer | LimitData | Down


def kind(toxic: Toxic) -> str:
    """The name of its kind, as it is asked for."""
    return str(toxic.__struct_config__.tag)


def with_toxic(toxics: Sequence[Toxic], added: Toxic) -> tuple[Toxic, ...]:
    """The toxics of an edge and one more, in place of one of its kind and direction."""
    others = [
        each for each in toxics if (kind(each), each.direction) != (kind(added), added.direction)
    ]
    return (*others, added)


@dataclass(frozen=True, slots=True, eq=False)
class Struck:
    """A toxic that has struck a connection.

    Attributes:
        at: when, on the monotonic clock.
        passed: bytes that had come through by then, by direction.
    """

    toxic: Toxic
    at: float
    passed: dict[Direction, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What becomes of the bytes of one direction.

    Attributes:
        delay_s: how much later they come, and
        jitter_s: how far from that at most.
        bytes_per_s: how fast.
        piece: the size of what comes at once, and how far from that at most, in bytes.
        pause_s: between such pieces.
        is_held: nothing comes through.
        end_delay_s: how much later their end comes.
        limit: the connection is closed after so many bytes in all.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float = inf
    piece: tuple[int, int] | None = None
    pause_s: float = 0.0
    is_held: bool = False
    end_delay_s: float = 0.0
    limit: float = inf


def effect(struck: Sequence[Struck], direction: Direction) -> Effect | None:
    """What they do together in a direction: delays add up, of limits the least holds.

    Returns:
        None where nothing is done.
    """
    here = [each for each in struck if each.toxic.direction in {direction, Direction.BOTH}]
    toxics = [each.toxic for each in here]
    latencies = [each for each in toxics if isinstance(each, Latency)]
    slicer = next((each for each in toxics if isinstance(each, Slicer)), None)
    found = Effect(
        delay_s=sum(each.ms for each in latencies) / 1000,
        jitter_s=sum(each.jitter_ms for each in latencies) / 1000,
        bytes_per_s=min(
            (each.kb_per_s * 1000.0 for each in toxics if isinstance(each, Bandwidth)), default=inf
        ),
        piece=(slicer.bytes, slicer.vary_bytes) if slicer else None,
        pause_s=slicer.ms / 1000 if slicer else 0.0,
        is_held=any(isinstance(each, BlackHole) for each in toxics),
        end_delay_s=sum(each.ms for each in toxics if isinstance(each, SlowClose)) / 1000,
        limit=min(
            (
                float(each.passed[direction] + each.toxic.bytes)
                for each in here
                if isinstance(each.toxic, LimitData)
            ),
            default=inf,
        ),
    )
    return None if found == Effect() else found


def ends_at(struck: Sequence[Struck]) -> tuple[float, bool]:
    """When toxics end a connection, if ever (else infinity), and whether by a reset."""
    ends = [
        (each.at + each.toxic.ms / 1000, isinstance(each.toxic, Reset))
        for each in struck
        if isinstance(each.toxic, Reset) or (isinstance(each.toxic, BlackHole) and each.toxic.ms)
    ]
    return min(ends, default=(inf, False))
