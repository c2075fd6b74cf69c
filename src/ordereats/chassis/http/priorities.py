"""What a request matters, by its method and path: changes first, then reading, then browsing."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from litestar.handlers import HTTPRouteHandler

from ordereats.chassis.context import Priority

BROWSING: Mapping[str, object] = MappingProxyType({"priority": Priority.BROWSE})
"""For the `opt` of a GET that people look around with: it is the first to be refused."""


class Priorities:
    """Of the requests of an app."""

    def __init__(self, routes: Sequence[HTTPRouteHandler]) -> None:
        """Learn which routes are for browsing: it has to be known before anything is routed."""
        browsing = sorted(
            _pattern(path)
            for route in routes
            if route.opt.get("priority") is Priority.BROWSE
            for path in route.paths
        )
        self._is_browsing = re.compile("|".join(browsing) or "(?!)").fullmatch

    def of(self, method: str, path: str) -> Priority:
        """Of a request with this path, without its query."""
        if method not in {"GET", "HEAD"}:
            return Priority.CHANGE
        return Priority.BROWSE if self._is_browsing(path) else Priority.READ


def _pattern(path: str) -> str:
    """Of `/restaurants/{id:int}/menu`."""
    parts = [
        "[^/]+" if part.startswith("{") else re.escape(part) for part in path.strip("/").split("/")
    ]
    return "/" + "/".join(parts) + "/?"
