"""Answers at the door, where the app has not been reached: cheap, since there may be many."""

from dataclasses import dataclass

from litestar.types import Send

from ordereats.chassis.errors import Unavailable
from ordereats.contracts.problems import MEDIA_TYPE, Problem
from ordereats.contracts.wire import encode


@dataclass(frozen=True, slots=True)
class Refusal:
    """A whole answer: 503, with a problem document that says why, and when to ask again."""

    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def of(cls, error: Unavailable, correlation_id: str) -> "Refusal":
        """What to say about an error."""
        problem = Problem(error.title, error.status, error.code, str(error), correlation_id)
        body = encode(problem)
        headers = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"retry-after", b"%d" % error.retry_after_s),
            (b"x-correlation-id", correlation_id.encode()),
        ]
        return cls(headers, body)

    async def send(self, send: Send) -> None:
        """Answer with it."""
        status = Unavailable.status
        await send({"type": "http.response.start", "status": status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})

    def raw(self, more_headers: list[tuple[bytes, bytes]]) -> bytes:
        """The bytes of it on a connection that is kept."""
        lines = [b"%s: %s" % header for header in (*more_headers, *self.headers)]
        return b"\r\n".join((_STATUS_LINE, *lines, b"", self.body))


_STATUS_LINE = b"HTTP/1.1 503 Service Unavailable"
