"""W3C trace context: where a span stands in its trace, as a header says it. Pure.

`tracestate` is neither read nor passed on: nobody here needs it, and a client could fill it with
anything.
"""

import re
from random import getrandbits
from typing import NamedTuple

SAMPLED = 1
_RANDOM_BITS = 56
"""Of a trace id, from its end: the standard asks of these that they are random."""


class Parent(NamedTuple):
    """What a header says.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16, of the span that the header was written in.
        is_sampled: whoever began the trace wants it to be kept.
    """

    trace_id: str
    span_id: str
    is_sampled: bool


def read(header: str | None) -> Parent | None:
    """What a `traceparent` says, or None: it is none, by https://www.w3.org/TR/trace-context.

    One of a later version counts as far as this version goes.
    """
    found = None if header is None else _FORM.fullmatch(header)
    if found is None:
        return None
    version, trace_id, span_id, flags, rest = found.groups()
    if trace_id == _NO_TRACE or span_id == _NO_SPAN or version == "ff":
        return None
    if version == "00" and rest:
        return None
    return Parent(trace_id, span_id, bool(int(flags, 16) & SAMPLED))


def written(trace_id: str, span_id: str, *, is_sampled: bool) -> str:
    """The header for a span."""
    return f"00-{trace_id}-{span_id}-{'01' if is_sampled else '00'}"


def trace_of(header: str) -> str:
    """The trace that a header names which `written` has written."""
    return header[3:35]


def new_span_id() -> str:
    """A new span's."""
    return f"{getrandbits(64) or 1:016x}"  # it has to be different, not secret


class Sampling:
    """Decides by a trace's id whether it is kept: each process decides the same.

    Attributes:
        share: of the traces that begin here; 0 to 1.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self._below = int(share * (1 << _RANDOM_BITS))

    def new_trace(self) -> tuple[str, bool]:
        """The id of a trace that begins, and whether it is kept."""
        bits = getrandbits(128) or 1  # as above
        return f"{bits:032x}", (bits & _RANDOM) < self._below


_RANDOM = (1 << _RANDOM_BITS) - 1
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]*)?")
