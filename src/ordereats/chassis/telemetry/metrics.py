"""What a process counts, in Prometheus' text format. Read when it is asked for: counting is cheap.

No label says who: no id, address, name or path that a client chose.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias

from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric

MEDIA_TYPE = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
"""Prometheus 3 refuses a scrape without it. Litestar adds the charset."""

Families: TypeAlias = Sequence[Metric]
Source: TypeAlias = Callable[[], Awaitable[Families]]
"""Reads plain state, or asks something that answers in time; what it can't say it leaves out."""


class Metrics:
    """All that a process shows: its sources, and what the system says of it.

    The library's global registry stays empty, so that two processes' worth of services in one, as
    tests have them, don't mix.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        """Begin.

        Args:
            sources: of which no two may say the same family.
        """
        self._process = ProcessCollector(registry=None)
        self._sources = sources

    async def written(self) -> bytes:
        """Everything as it is now. Sources are asked at once: one that has to wait delays none."""
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(_say(source)) for source in self._sources]
        families = [*self._process.collect(), *(each for its in asked for each in its.result())]
        return generate_latest(_Page(families))


async def _say(source: Source) -> Families:
    return await source()


class _Page:
    """Families that are known already, in the form that the library writes down."""

    def __init__(self, families: Families) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
