"""Asks the services that run here which of their breakers are open."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec

from ordereats.chassis.calls.states import EdgeState
from ordereats.topology.local.part import Kind
from ordereats.topology.local.probe import answer
from ordereats.topology.local.state import PartState, Running, State

PATIENCE_S = 0.5
"""Of whoever looks. All are asked at once, so that this is all that it takes."""

Breakers: TypeAlias = Mapping[str, Sequence[EdgeState] | None]
"""Those that are not closed, by the service whose calls they stop; None: it did not say."""

_OPEN = frozenset({"open", "half_open", "forced_open"})


class _Answer(msgspec.Struct):
    edges: list[EdgeState]


def open_breakers(running: Running) -> Breakers:
    """The breakers of each service."""
    services = [part for part in running.parts if part.kind is Kind.SERVICE]
    return asyncio.run(_all(services))


async def _all(services: Sequence[PartState]) -> Breakers:
    async with asyncio.TaskGroup() as tasks:
        asked = {each.name: tasks.create_task(_of(each)) for each in services}
    return {name: each.result() for name, each in asked.items()}


async def _of(service: PartState) -> Sequence[EdgeState] | None:
    port = urlsplit(service.url).port
    if service.state is not State.READY or port is None:
        return None
    try:
        _, body = await answer(port, "/health/ready", within_s=PATIENCE_S)
        edges = msgspec.json.decode(body, type=_Answer).edges
    except (OSError, msgspec.DecodeError):
        return None
    return [each for each in edges if each.breaker in _OPEN]
