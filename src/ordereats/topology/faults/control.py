"""How the proxy is told, while it runs: one line of JSON each way, over a port of its own."""

import socket
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from ordereats.topology.faults.toxics import Toxic

ANY = "any"
"""In place of a part's name."""


class List(msgspec.Struct, frozen=True, tag="list"):
    """Asks for all edges and their toxics."""


class Add(msgspec.Struct, frozen=True, tag="add"):
    """Puts a toxic on edges, in place of one of its kind and direction."""

    source: str
    target: str
    toxic: Toxic


class Clear(msgspec.Struct, frozen=True, tag="clear"):
    """Takes all toxics from edges."""

    source: str = ANY
    target: str = ANY


Command: TypeAlias = List | Add | Clear


class OnEdge(msgspec.Struct, frozen=True):
    """An edge and its toxics.

    Attributes:
        met: how often what came over it has met a toxic since one was last put there: pieces of
            data, and connections that were ended. 0: it had no effect on anybody.
    """

    source: str
    target: str
    toxics: Sequence[Toxic] = ()
    met: int = 0


class Told(msgspec.Struct, frozen=True):
    """What the proxy answers: the edges that were meant, as they are now; none if none was."""

    edges: list[OnEdge]


def chosen(source: str, target: str) -> Callable[[str, str], bool]:
    """Which edges a pair of names means; each of the two may be `any`."""
    return lambda one, other: source in {ANY, one} and target in {ANY, other}


def ask(port: int, command: Command) -> list[OnEdge]:
    """Tell the proxy on this port, and wait until it is so.

    Raises:
        OSError: it can't be reached.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(msgspec.json.encode(command) + b"\n")
        with connection.makefile("rb") as answer:
            return msgspec.json.decode(answer.readline(), type=Told).edges
