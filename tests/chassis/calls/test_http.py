"""Over HTTP more can go wrong: what answers may be down, a stranger, or another service of ours."""

from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Protocol

import pytest
from litestar import get
from structlog.testing import capture_logs

from ordereats.chassis.calls.client import CalleeFailed, Calls
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.calls.http import Http
from ordereats.chassis.errors import (
    Conflict,
    DeadlineExceeded,
    NotFound,
    OrderEatsError,
    Unavailable,
)
from ordereats.chassis.http.app import create_app
from ordereats.contracts.users import GET_USER, WhichUser
from ordereats.contracts.wire import Answer
from ordereats.topology.local.part import free_ports
from support.builders import serving


class Edge(Protocol):
    """See the conftest."""

    async def ask(self, kind: str = "good") -> Any: ...


class Stranger(Protocol):
    """See the conftest."""

    def __call__(
        self, handle: Callable[[Reader, Writer], Awaitable[None]], *, posts: bool = False
    ) -> Awaitable[Edge]: ...


PROBLEM = '{"title":"t","status":%d,"code":"%s","detail":"d","correlationId":"c"}'


async def ask_user(url: str) -> object:
    async with Http.open(url) as http:
        return await Calls({"users": http}, Edges(EdgeSettings())).ask(GET_USER, WhichUser(1))  # type: ignore[arg-type]  # an id


def saying(status: int, body: str) -> Callable[[Reader, Writer], Awaitable[None]]:
    async def handle(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 {status} Said\r\ncontent-length: {len(body)}\r\n"
            f"content-type: text/html\r\n\r\n{body}".encode()
        )
        await writer.drain()
        writer.close()

    return handle


async def test_where_nobody_listens_it_is_unavailable_at_once() -> None:
    started = monotonic()

    with pytest.raises(Unavailable, match="users can't be reached"):
        await ask_user(f"http://127.0.0.1:{free_ports(1)[0]}")

    assert monotonic() - started < 1


async def test_a_name_that_leads_nowhere_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await ask_user("http://users.invalid:3000")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, "<h1>nginx</h1>", Unavailable),
        (404, "{}", Unavailable),
        (404, "", Unavailable),
        (404, '{"code": "not_found"}', Unavailable),
        (502, "<h1>Bad gateway</h1>", Unavailable),
        (500, "oops", Unavailable),
        (404, PROBLEM % (404, "not_found"), NotFound),
        (404, PROBLEM % (404, "something_else"), CalleeFailed),
        (503, PROBLEM % (503, "unavailable"), Unavailable),
        (429, PROBLEM % (429, "too_often"), Unavailable),
        (500, PROBLEM % (500, "internal"), CalleeFailed),
        (400, PROBLEM % (400, "invalid_request"), CalleeFailed),
        (409, PROBLEM % (409, "closed"), Conflict),
        (200, "<h1>Welcome</h1>", CalleeFailed),
        (200, '{"kind": 7}', CalleeFailed),
        (200, "", CalleeFailed),
        (204, "", Unavailable),
    ],
)
async def test_only_a_service_that_knows_says_that_there_is_no_such_thing(
    stranger: Stranger, status: int, body: str, error: type[OrderEatsError]
) -> None:
    edge = await stranger(saying(status, body))

    with pytest.raises(error) as raised:
        await edge.ask()

    assert type(raised.value) is error


async def test_an_answer_that_is_none_of_ours_is_in_the_log(stranger: Stranger) -> None:
    edge = await stranger(saying(200, "<h1>Welcome</h1>"))

    with capture_logs() as lines, pytest.raises(CalleeFailed):
        await edge.ask()

    (line,) = [each for each in lines if each["event"] == "call_failed"]
    assert (line["callee"], line["kind"]) == ("callee", "get_thing")
    assert line["exc_info"]


async def test_another_service_of_ours_at_the_address_does_not_read_as_absence() -> None:
    class Other(Answer, frozen=True):
        """What another service answers."""

    @get("/orders")
    async def orders() -> Other:
        return Other()

    async with serving(create_app("orders", [orders], [])) as wrong:
        with pytest.raises(OrderEatsError) as raised:
            await ask_user(wrong.url)

    assert not isinstance(raised.value, NotFound)


async def test_one_that_closes_the_connection_is_unavailable(stranger: Stranger) -> None:
    async def close(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    with pytest.raises(Unavailable, match="can't be reached"):
        await (await stranger(close)).ask()


async def test_one_that_closes_it_in_the_middle_of_its_answer_is_unavailable(
    stranger: Stranger,
) -> None:
    async def half(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"kind":')
        await writer.drain()
        writer.close()

    with pytest.raises(Unavailable, match="can't be reached"):
        await (await stranger(half)).ask()


async def test_one_that_speaks_no_http_is_unavailable(stranger: Stranger) -> None:
    async def greet(_reader: Reader, writer: Writer) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        await writer.drain()
        writer.close()

    with pytest.raises(Unavailable, match="can't be reached"):
        await (await stranger(greet)).ask()


async def test_one_that_accepts_and_says_nothing_takes_no_longer_than_the_deadline(
    stranger: Stranger,
) -> None:
    async def listen(reader: Reader, writer: Writer) -> None:
        await reader.read()
        writer.close()

    edge, started = await stranger(listen), monotonic()

    with pytest.raises(DeadlineExceeded):
        await edge.ask()

    assert monotonic() - started < 1.5


@pytest.mark.parametrize("posts", [False, True], ids=["get", "post"])
async def test_a_callee_that_was_restarted_is_asked_without_an_error(
    stranger: Stranger, *, posts: bool
) -> None:
    served = 0
    body = PROBLEM % (404, "not_found")

    async def once(reader: Reader, writer: Writer) -> None:
        """Answer once on each connection, promise more, and be gone at the next question."""
        nonlocal served
        await reader.readuntil(b"\r\n\r\n")
        served += 1
        writer.write(f"HTTP/1.1 404 No\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        await reader.read(1)
        writer.close()

    edge = await stranger(once, posts=posts)

    for _ in range(4):
        with pytest.raises(NotFound):
            await edge.ask()

    assert served == 4
