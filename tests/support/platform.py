"""A whole platform under test: started by its own command, spoken to over HTTP, broken by hand."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import asyncpg

from ordereats.topology.local.part import free_ports

PROGRAM = Path(sys.executable).parent / "ordereats"


@dataclass(frozen=True)
class Shape:
    """One of the ways to run it.

    Attributes:
        faults: with the fault proxy on every edge.
    """

    topology: str
    broker: str
    faults: bool = False

    def __str__(self) -> str:
        return f"{self.topology}+{self.broker}"


SHAPES = [
    Shape("monolith", "postgres"),
    Shape("services", "postgres"),
    Shape("services", "rabbitmq"),
]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str:
        """Of a problem document."""
        return str(self.body["code"])


class Platform:
    """A running platform, in a folder of its own."""

    def __init__(
        self,
        shape: Shape,
        home: Path,
        http: aiohttp.ClientSession,
        settings: Mapping[str, str],
    ) -> None:
        port = free_ports(1)[0]
        self.shape = shape
        self.home = home
        self.settings = settings
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._http = http
        self._addresses: dict[str, str] = {}
        self.user_id = 0
        self.restaurant_id = 0

    @classmethod
    @asynccontextmanager
    async def up(cls, shape: Shape, home: Path, **settings: str) -> AsyncIterator[Self]:
        """Start one on a free port with these environment variables, and leave nothing behind."""
        timeout = aiohttp.ClientTimeout(total=30)
        connector = aiohttp.TCPConnector(limit=0)  # who waits for an answer keeps nobody waiting
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
            platform = cls(shape, home, http, settings)
            try:
                await platform.start_all()
                yield platform
            finally:
                await platform.run("down")

    async def start_all(self) -> None:
        """`ordereats up --detach`."""
        options = ["--topology", self.shape.topology, "--broker", self.shape.broker]
        options += ["--faults"] if self.shape.faults else []
        await self.run("up", "--detach", "--port", str(self._port), *options)

    async def run(self, *arguments: str) -> str:
        """Run the program; what it printed. It has to succeed."""
        status, output, errors = await self.tried(*arguments)
        assert status == 0, f"ordereats {' '.join(arguments)}: {output}{errors}"
        return output

    async def tried(self, *arguments: str) -> tuple[int | None, str, str]:
        """Run the program; its exit status, what it printed, and its complaints."""
        process = await asyncio.create_subprocess_exec(
            str(PROGRAM),
            *arguments,
            env={
                "ORDEREATS_HOME": str(self.home),
                "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
                **self.settings,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = (each.decode() for each in await process.communicate())
        return process.returncode, output, errors

    async def parts(self) -> dict[str, dict[str, Any]]:
        """`ordereats ps --json`, by name."""
        return {each["name"]: each for each in json.loads(await self.run("ps", "--json"))}

    async def stored(self, service: str, query: str) -> str | None:
        """What a service's own database answers to a query; None where it has none of its own."""
        database = (await self.parts()).get(service, {}).get("database")
        if database is None:
            return None
        connection = await asyncpg.connect(database)
        try:
            return str(await connection.fetchval(query))
        finally:
            await connection.close()

    async def kill(self, name: str) -> None:
        """SIGKILL a part, and keep it down."""
        await self.run("kill", name)

    async def start(self, name: str) -> None:
        """Start a part that was killed; it is ready when this returns."""
        await self.run("start", name)

    async def fault(self, caller: str, callee: str, kind: str, **how: int) -> None:
        """Put a fault on an edge (`ordereats fault add`), on top of those that are there."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in how.items()]
        await self.run("fault", "add", caller, callee, kind, *options)

    async def heal(self) -> None:
        """Take all faults away."""
        await self.run("fault", "clear")

    async def address(self, part: str) -> str:
        """Where a part itself answers; it keeps its port for as long as the platform is up."""
        if part not in self._addresses:
            self._addresses = {name: each["url"] for name, each in (await self.parts()).items()}
        return self._addresses[part]

    async def ready(self, part: str) -> Any:
        """What a part says of itself at `/health/ready`."""
        return (await self.ask("GET", "/health/ready", at=await self.address(part))).body

    async def metrics(self, part: str) -> str:
        """What a part tells Prometheus."""
        async with self._http.get(f"{await self.address(part)}/metrics") as got:
            assert got.status == 200
            return await got.text()

    async def hold_breaker(self, caller: str, callee: str, kind: str, to: str | None) -> None:
        """Hold the breaker of an edge open or closed by hand; None: let it judge by itself."""
        path, at = f"/ops/breakers/{callee}/{kind}", await self.address(caller)
        held = await self.ask("PUT", path, {"force": to}, at=at)
        assert held.status == 200, held

    async def breaker(self, caller: str, callee: str, kind: str) -> dict[str, Any]:
        """How the breaker of an edge is, by the caller's own word."""
        edges = (await self.ready(caller))["edges"]
        named = {(each["callee"], each["kind"]): dict(each) for each in edges}
        return named.get((callee, kind), {"breaker": "closed", "history": []})  # not asked yet

    async def until_breaker(
        self, caller: str, callee: str, kind: str, state: str, *, within_s: float
    ) -> None:
        """Wait for a breaker."""

        async def is_so() -> bool:
            return bool((await self.breaker(caller, callee, kind))["breaker"] == state)

        what = f"the breaker of {caller} for {callee} {kind} to be {state}"
        await until(is_so, within_s=within_s, what=what)

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        at: str | None = None,
    ) -> Answer:
        """One request through the front, or to another address; bytes are sent as they are."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        sent = {"Content-Type": "application/json", **(headers or {})}
        url = (at or self.url) + path
        async with self._http.request(method, url, data=data, headers=sent) as got:
            text = await got.text()
            return Answer(got.status, got.headers, json.loads(text) if text else None)

    async def post(self, path: str, body: object, **options: Any) -> Answer:
        """POST."""
        return await self.ask("POST", path, body, **options)

    async def post_once(self, path: str, body: object, key: str, **headers: str) -> Answer:
        """POST under a key, and again if the connection was closed just then.

        Who closes an idle connection can't know that a request is on its way; clients have to be
        ready for that (RFC 9112, 9.5). The library is, for methods that are safe to repeat.
        """
        options = {"headers": {"Idempotency-Key": key, **headers}}
        try:
            return await self.post(path, body, **options)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return await self.post(path, body, **options)

    async def get(self, path: str, **options: Any) -> Answer:
        """GET."""
        return await self.ask("GET", path, **options)

    async def unconcerned(self) -> Callable[[], Awaitable[Answer]]:
        """A request to compare others with: past the gateway, to a service that asks nobody."""
        kitchen = (await self.parts())["kitchen"]["url"]
        return partial(self.get, "/kitchen/restaurants/1/tickets", at=kitchen)

    async def heard(
        self, path: str, *, events: int, after: str | None = None
    ) -> list[tuple[str, Any]]:
        """The next events of a stream (Server-Sent Events): their ids and data."""
        headers = {} if after is None else {"Last-Event-ID": after}
        heard: list[tuple[str, Any]] = []
        async with asyncio.timeout(15), self._http.get(self.url + path, headers=headers) as got:
            assert got.status == 200, await got.text()
            event: dict[str, str] = {}
            async for line in got.content:
                name, _, value = line.decode().strip().partition(": ")
                if name:
                    event[name] = value
                elif "data" in event:
                    heard.append((event["id"], json.loads(event["data"])))
                    event = {}
                if len(heard) == events:
                    break
        return heard

    async def furnish(self) -> None:
        """Have a customer and a restaurant."""
        self.user_id = await self.a_customer()
        self.restaurant_id = (await self.post("/restaurants", {"name": "Pho Saigon"})).body["id"]

    async def a_customer(self) -> int:
        """Someone new; their id."""
        user = {"name": "Hieu", "email": f"{monotonic()}@test.com"}
        return int((await self.post("/users", user)).body["id"])

    def an_order(self, **changes: object) -> dict[str, object]:
        """The body of an order that is fine, but for the changes."""
        return {
            "userId": self.user_id,
            "restaurantId": self.restaurant_id,
            "items": [{"name": "Pho", "qty": 2}],
            "totalPrice": 25.00,
        } | changes

    async def place(self, **changes: object) -> int:
        """Place an order; its id."""
        placed = await self.post("/orders", self.an_order(**changes))
        assert placed.status == 201, placed
        assert placed.body["status"] == "pending"
        return int(placed.body["id"])

    async def status(self, order_id: int) -> str:
        """Where an order is in its life."""
        return str((await self.get(f"/orders/{order_id}")).body["status"])

    async def until_status(self, order_id: int, status: str, *, within_s: float = 15) -> None:
        """Wait for an order."""

        async def arrived() -> bool:
            return await self.status(order_id) == status

        await until(arrived, within_s=within_s, what=f"order {order_id} to be {status}")

    async def story(self, order_id: int) -> dict[str, Any]:
        """`ordereats order ID --json`."""
        return dict(json.loads(await self.run("order", str(order_id), "--json")))

    async def told(self, order_id: int) -> list[dict[str, Any]]:
        """What the customer of an order was told about it."""
        user_id = (await self.get(f"/orders/{order_id}")).body["userId"]
        told = await self.get(f"/notifications?userId={user_id}&limit=500")
        return [each for each in told.body if each["orderId"] == order_id]

    async def until_told(self, order_id: int, word: str, *, within_s: float = 10) -> None:
        """Wait for the customer to be told something about an order."""

        async def told() -> bool:
            said = [each["subject"] + each["text"] for each in await self.told(order_id)]
            return any(word in each.lower() for each in said)

        await until(told, within_s=within_s, what=f"the customer to be told ({word})")

    async def ledger(self, **query: object) -> list[dict[str, Any]]:
        """What the payment provider has on its books."""
        entries: list[dict[str, Any]] = []
        while page := await self._provider(
            "/ledger", limit=500, after=entries[-1]["sequence"] if entries else 0, **query
        ):
            entries += page
        return entries

    async def charges(self) -> dict[int, int]:
        """How often the provider reserved money, by order."""
        counts: dict[int, int] = {}
        for entry in await self.ledger():
            if entry["kind"] == "authorized":
                order_id = int(entry["metadata"]["order_id"])
                counts[order_id] = counts.get(order_id, 0) + 1
        return counts

    async def asked_of_provider(self, order_id: int) -> list[dict[str, Any]]:
        """Every request that reached the provider about an order's charge, failed ones too.

        Of an order that it has on its books: these name the charge's key.
        """
        key = (await self.ledger(orderId=order_id))[0]["metadata"]["charge_key"]
        requests = await self._provider("/sandbox/requests")
        return [each for each in requests if key in f"{each['idempotencyKey']} {each['query']}"]

    async def misbehave(self, **how: object) -> None:
        """Tell the payment provider to."""
        url = await self.address("sandbox")
        async with self._http.put(f"{url}/sandbox/behaviour", json=how) as got:
            assert got.status == 200, await got.text()

    async def _provider(self, path: str, **query: object) -> Any:
        words = urlencode(query)
        return (await self.get(f"{path}?{words}", at=await self.address("sandbox"))).body


async def until(
    claim: Callable[[], Awaitable[bool]], *, within_s: float, what: str, every_s: float = 0.05
) -> None:
    """Wait for a condition, with a deadline."""
    deadline = monotonic() + within_s
    while not await claim():
        assert monotonic() < deadline, f"waited {within_s} s for {what}"
        await asyncio.sleep(every_s)


async def walk(platform: Platform) -> list[Answer]:
    """The first requests that the platform ever gets, word for word as the README has them."""
    return [
        await platform.post("/users", b'{"name": "Hieu", "email": "hieu@test.com"}'),
        await platform.post("/restaurants", b'{"name": "Pho Saigon", "cuisine": "Vietnamese"}'),
        await platform.post(
            "/orders",
            b'{"userId": 1, "restaurantId": 1, "items": [{"name": "Pho", "qty": 2}],'
            b' "totalPrice": 25.00}',
        ),
    ]
