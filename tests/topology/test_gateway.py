"""The gateway routes, retries only what is safe, and answers for what is down."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from ordereats.chassis.http import docs
from ordereats.topology import event_page
from ordereats.topology.local.gateway import gateway_part
from ordereats.topology.local.part import Process, free_ports

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Gateway:
    def __init__(self, process: Process, session: aiohttp.ClientSession, orders: int) -> None:
        self.process = process
        self.orders = orders
        self._session = session

    async def ask(
        self, method: str, path: str, **options: object
    ) -> tuple[int, dict[str, str], object]:
        url = f"http://127.0.0.1:{self.process.url.rsplit(':', 1)[1]}{path}"
        async with self._session.request(method, url, **options) as answer:  # type: ignore[arg-type]  # passed on
            return answer.status, dict(answer.headers), await answer.json(content_type=None)

    async def text(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.process.url.rsplit(':', 1)[1]}{path}"
        async with self._session.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
            return await answer.text()


@pytest.fixture
async def gateway(open_folder: Path) -> AsyncIterator[Gateway]:
    port, orders, users = free_ports(3)
    part = gateway_part(open_folder / "gateway", port, {"orders": orders, "users": users})
    process = Process(part, open_folder / "gateway.log")
    await process.start()
    async with aiohttp.ClientSession() as session:
        yield Gateway(process, session, orders)
    await process.kill()  # at once: most tests need no orderly end


async def test_it_ends_when_it_is_told_to(gateway: Gateway) -> None:
    assert await gateway.process.stop()


@asynccontextmanager
async def service(port: int, handle: Handler) -> AsyncIterator[None]:
    server = await asyncio.start_server(handle, "127.0.0.1", port)
    async with server:
        yield


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    line = head.split(b"\r\n")[0].decode()
    correlation = [each for each in head.split(b"\r\n") if each.lower().startswith(b"x-")]
    correlation = [each for each in correlation if not each.lower().startswith(b"x-forwarded-")]
    body = f'{{"line": "{line}", "correlation": "{b"".join(correlation).decode()}"}}'
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    await writer.drain()
    writer.close()


async def test_it_is_healthy_by_itself(gateway: Gateway) -> None:
    assert (await gateway.ask("GET", "/health"))[::2] == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/orders", "/orders/7", "/orders?userId=1"])
async def test_a_path_goes_to_the_service_of_its_first_part(gateway: Gateway, path: str) -> None:
    async with service(gateway.orders, echo):
        status, _, body = await gateway.ask("GET", path, headers={"X-Correlation-ID": "abc"})

    assert status == 200
    assert body == {"line": f"GET {path} HTTP/1.1", "correlation": "X-Correlation-Id: abc"}


async def test_nobody_outside_says_what_a_request_matters(gateway: Gateway) -> None:
    told = {"X-Correlation-ID": "abc", "X-Priority": "change"}
    async with service(gateway.orders, echo):
        _, _, body = await gateway.ask("GET", "/orders", headers=told)

    assert body == {"line": "GET /orders HTTP/1.1", "correlation": "X-Correlation-Id: abc"}


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/ops/breakers", "/ordersx", "/health/ready", "/order"]
)
async def test_any_other_path_is_a_404_problem(gateway: Gateway, path: str) -> None:
    status, headers, body = await gateway.ask("GET", path, headers={"X-Correlation-ID": "abc"})

    assert status == 404
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Correlation-ID"] == "abc"
    assert body == {
        "type": "about:blank",
        "title": "No such path",
        "status": 404,
        "code": "no_such_path",
        "correlationId": "abc",
    }


async def test_it_describes_the_whole_api_for_programs_and_for_people(gateway: Gateway) -> None:
    _, headers, document = await gateway.ask("GET", "/openapi.json")
    page = await gateway.text("/docs")

    assert headers["Content-Type"] == "application/vnd.oai.openapi+json"
    assert isinstance(document, dict)
    assert {f"/{name}" for name in ("users", "orders", "couriers")} <= set(document["paths"])
    assert page == docs.page(document)


async def test_it_describes_all_events_for_programs_and_for_people(gateway: Gateway) -> None:
    _, _, document = await gateway.ask("GET", "/asyncapi.json")
    page = await gateway.text("/docs/events")

    assert isinstance(document, dict)
    assert "ordereats.order.placed.v1" in document["channels"]
    assert page == event_page.page(document)


async def test_a_correlation_id_that_would_break_the_problem_is_replaced(gateway: Gateway) -> None:
    _, _, body = await gateway.ask("GET", "/", headers={"X-Correlation-ID": 'a","code":"b'})

    assert isinstance(body, dict)
    assert len(body["correlationId"]) == 36


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_service_that_is_down_is_a_503_problem(gateway: Gateway, method: str) -> None:
    status, headers, body = await gateway.ask(method, "/orders", data=b"{}")

    assert (status, headers["Retry-After"]) == (503, "1")
    assert isinstance(body, dict)
    assert body["code"] == "unavailable"


async def test_a_request_waits_for_a_service_that_restarts(gateway: Gateway) -> None:
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(gateway.ask("POST", "/orders", data=b"{}"))
        await asyncio.sleep(0.3)  # the gateway tries, and does not say so
        async with service(gateway.orders, echo):
            assert (await asked)[0] == 200


@pytest.mark.parametrize(
    ("method", "tries", "status"), [("POST", 1, 502), ("PATCH", 1, 502), ("GET", 2, 200)]
)
async def test_only_a_get_is_sent_again_after_a_service_broke_off(
    gateway: Gateway, method: str, tries: int, status: int
) -> None:
    received: list[bytes] = []

    async def break_off_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if received:
            received.append(b"")
            await echo(reader, writer)
            return
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.transport.abort()

    async with service(gateway.orders, break_off_once):
        answer = await gateway.ask(method, "/orders", data=None if method == "GET" else b"{}")

    assert (answer[0], len(received)) == (status, tries)


async def test_a_body_over_the_limit_is_refused(gateway: Gateway) -> None:
    async def read_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass
        writer.close()

    async with service(gateway.orders, read_all):
        status, _, body = await gateway.ask("POST", "/orders", data=b"x" * 3_000_000)

    assert status == 413
    assert isinstance(body, dict)
    assert body["code"] == "too_large"


async def test_a_post_with_a_key_is_asked_again_whole_when_a_service_breaks_off(
    gateway: Gateway,
) -> None:
    heard: list[bytes] = []

    async def breaks_off_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heard.append(await reader.readexactly(_length(head)))
        if len(heard) > 1:
            writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}")
            await writer.drain()
        writer.close()

    async with service(gateway.orders, breaks_off_once):
        keyed = await gateway.ask(
            "POST", "/orders", data=b'{"qty": 2}', headers={"Idempotency-Key": "a"}
        )
        heard_of_it = list(heard)
        heard.clear()
        unkeyed = await gateway.ask("POST", "/orders", data=b'{"qty": 2}')

    assert (keyed[0], heard_of_it) == (201, [b'{"qty": 2}'] * 2)
    assert (unkeyed[0], heard) == (502, [b'{"qty": 2}'])


def _length(head: bytes) -> int:
    (line,) = [each for each in head.lower().split(b"\r\n") if each.startswith(b"content-length:")]
    return int(line.partition(b":")[2])
