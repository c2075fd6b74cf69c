"""How parts reach one another: straight, or through the fault proxy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """Who reaches whom through the proxy, and where.

    Attributes:
        source: the name of the part that connects.
        target: the name of the part that answers.
        port: of the proxy, for the source.
        leads_to: the port of the target. Both are on the loopback interface.
    """

    source: str
    target: str
    port: int
    leads_to: int


class Ways(Protocol):
    """Says which port a part has to connect to."""

    def port(self, source: str, target: str, leads_to: int) -> int:
        """For a part that asks another, which listens on `leads_to`."""
        ...


class Straight:
    """No proxy: nothing is between."""

    def port(self, source: str, target: str, leads_to: int) -> int:  # noqa: ARG002  # of `Ways`
        return leads_to


class ThroughProxy:
    """Each way has a port of the proxy for itself.

    Attributes:
        taken: all of them.
    """

    def __init__(self, free_port: Callable[[], int]) -> None:
        self.taken: list[Way] = []
        self._free_port = free_port

    def port(self, source: str, target: str, leads_to: int) -> int:
        way = Way(source=source, target=target, port=self._free_port(), leads_to=leads_to)
        self.taken.append(way)
        return way.port


def address(ways: Ways, source: str, target: str, url: str) -> str:
    """The address by which a part reaches another, whose own address is given."""
    parts = urlsplit(url)
    host, _, port = parts.netloc.rpartition(":")
    return parts._replace(netloc=f"{host}:{ways.port(source, target, int(port))}").geturl()
