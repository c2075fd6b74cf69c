"""The ways of couriers: over the streets of the bundled city, and as the crow flies elsewhere."""

import gzip
import math
import zlib
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Protocol

import msgspec
import rustworkx
import structlog

from ordereats.contracts.places import Location
from ordereats.services.deliveries.domain.times import EARTH_M, crow_m

log = structlog.get_logger(__name__)

DETOUR = 1.3
"""How much longer a way is than the crow's. Giacomin and Levinson, "Road network circuity in
metropolitan areas" (2015), find 1.3 for American cities; the median over the bundled streets, from
each place for food to each address, is 1.36."""


class Routes(Protocol):
    """What deliveries needs to know of a city."""

    def metres(self, origin: Location, targets: Sequence[Location]) -> list[float]:
        """How long the way is to each of them, one-way streets not minded: there or back."""
        ...

    def knows_streets(self, one: Location, other: Location, /) -> bool:
        """Whether the way between them leads over streets, and is no estimate."""
        ...


class StraightLine:
    """Everywhere on the globe: as the crow flies, times `DETOUR`."""

    def metres(self, origin: Location, targets: Sequence[Location]) -> list[float]:
        return [crow_m(origin, each) * DETOUR for each in targets]

    def knows_streets(self, _one: Location, _other: Location, /) -> bool:
        return False


class StreetGraph(msgspec.Struct, frozen=True):
    """The streets of a city, as `city/README.md` describes them.

    Attributes:
        nodes: latitude and longitude of each crossing.
        edges: from which node to which, and the metres between.
    """

    nodes: tuple[tuple[float, float], ...]
    edges: tuple[tuple[int, int, float], ...]


class Streets:
    """Shortest ways over a street graph; outside of it, the straight line.

    A way leads from a place straight to the nearest crossing, and so at its end. It is never told
    shorter than the crow flies. From each place whence ways were asked, those to all crossings are
    kept, for the `MOST_ORIGINS` that were asked for last: about 10 kB each; so are the crossings
    nearest to the `MOST_PLACES` last places.
    """

    MOST_ORIGINS = 512
    MOST_PLACES = 4096
    CELL_DEG = 0.001
    """Of latitude, 111 m; of longitude at 60° half of that."""
    NEAR_M = 100.0
    """Who is farther than this from every crossing is outside."""

    def __init__(self, graph: StreetGraph) -> None:
        self._places = [Location(lat, lon) for lat, lon in graph.nodes]
        self._graph: rustworkx.PyGraph[None, float] = rustworkx.PyGraph(multigraph=False)
        self._graph.add_nodes_from([None] * len(graph.nodes))
        self._graph.add_edges_from(graph.edges)
        self._cells: dict[tuple[int, int], list[int]] = defaultdict(list)
        for node, place in enumerate(self._places):
            self._cells[self._cell(place)].append(node)
        self._from: OrderedDict[int, array[float]] = OrderedDict()
        self._elsewhere = StraightLine()
        # Who waits for an order stands still: asked each second, the answer is the same.
        self._nearest = lru_cache(self.MOST_PLACES)(self._look_around)

    @classmethod
    def read(cls, file: Traversable) -> "Streets":
        """Read a street graph.

        Raises:
            OSError, EOFError, zlib.error, msgspec.MsgspecError: it is none.
        """
        packed = gzip.decompress(file.read_bytes())
        return cls(msgspec.json.decode(packed, type=StreetGraph))

    def metres(self, origin: Location, targets: Sequence[Location]) -> list[float]:
        straight = self._elsewhere.metres(origin, targets)
        start = self._nearest(origin)
        if start is None:
            return straight
        node, to_street_m = start
        along = self._ways_from(node)
        found = []
        for target, straight_m in zip(targets, straight, strict=True):
            end = self._nearest(target)
            if end is None:
                found.append(straight_m)
            else:
                way_m = (to_street_m + end[1]) * DETOUR + along[end[0]]
                found.append(max(straight_m / DETOUR, way_m))
        return found

    def knows_streets(self, one: Location, other: Location, /) -> bool:
        return None not in (self._nearest(one), self._nearest(other))

    def _ways_from(self, node: int) -> "array[float]":
        known = self._from.pop(node, None)
        if known is None:
            lengths = rustworkx.graph_dijkstra_shortest_path_lengths(self._graph, node, float)
            known = array("f", [0.0]) * len(self._places)
            for other, metres in lengths.items():
                known[other] = metres
            if len(self._from) >= self.MOST_ORIGINS:
                self._from.popitem(last=False)
        self._from[node] = known
        return known

    def _look_around(self, place: Location) -> tuple[int, float] | None:
        """The nearest crossing and how far it is, if that is near; by a flat map of the place."""
        lat, lon = self._cell(place)
        wide = math.cos(math.radians(place.lat))
        best: tuple[float, int] | None = None
        for row in (lat - 1, lat, lat + 1):
            for column in range(lon - 2, lon + 3):
                for node in self._cells.get((row, column), ()):
                    its = self._places[node]
                    away = math.hypot(its.lat - place.lat, (its.lon - place.lon) * wide)
                    if best is None or away < best[0]:
                        best = away, node
        if best is None:
            return None
        away_m = math.radians(best[0]) * EARTH_M
        return (best[1], away_m) if away_m <= self.NEAR_M else None

    def _cell(self, place: Location) -> tuple[int, int]:
        return math.floor(place.lat / self.CELL_DEG), math.floor(place.lon / self.CELL_DEG)


BUNDLED = files(__package__).joinpath("city", "helsinki.json.gz")
"""Central Helsinki."""


def routes_of(file: Traversable) -> Routes:
    """The ways over these streets; if they can't be read, along the straight line everywhere.

    Times are then less exact, which they say; food is brought all the same.
    """
    try:
        return Streets.read(file)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError):
        log.exception("streets_unreadable", file=str(file))
        return StraightLine()
