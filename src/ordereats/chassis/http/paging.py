"""Lists: an array, at most so long, with a link to the next page."""

from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar
from urllib.parse import urlencode

from litestar import Response
from litestar.params import QueryParameter

from ordereats.chassis.http.problems import AnyRequest

Limit = Annotated[int, QueryParameter(ge=1, le=500, description="How many at most.")]
After = Annotated[
    int, QueryParameter(ge=0, le=2**63 - 1, description="The id that the last page ended with.")
]
DEFAULT_LIMIT = 100


class Numbered(Protocol):
    """Something with an id that grows."""

    @property
    def id(self) -> int:
        """Of the thing."""
        ...


T = TypeVar("T", bound=Numbered)


def page(request: AnyRequest, things: Sequence[T], *, limit: int) -> Response[Sequence[T]]:
    """Answer with a list in the order of its ids; a full page links to the next."""
    headers = {}
    if len(things) == limit:
        given = request.query_params.multi_items()
        query = [(name, value) for name, value in given if name != "after"]
        following = urlencode([*query, ("after", things[-1].id)])
        # Without a host: behind a gateway the client knows us by another name.
        headers["Link"] = f'<{request.scope["path"]}?{following}>; rel="next"'
    return Response(things, headers=headers)
