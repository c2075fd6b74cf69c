"""A whole platform under test: started by its own command, spoken to over HTTP, broken by hand."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Self

import aiohttp

from ordereats.topology.local.part import free_ports

PROGRAM = Path(sys.executable).parent / "ordereats"


@dataclass(frozen=True)
class Shape:
    """One of the ways to run it."""

    topology: str
    broker: str

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
        self.user_id = 0
        self.restaurant_id = 0

    @classmethod
    @asynccontextmanager
    async def up(cls, shape: Shape, home: Path, **settings: str) -> AsyncIterator[Self]:
        """Start one on a free port with these environment variables, and leave nothing behind."""
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            platform = cls(shape, home, http, settings)
            try:
                await platform.start_all()
                yield platform
            finally:
                await platform.run("down")

    async def start_all(self) -> None:
        """`ordereats up --detach`."""
        options = ["--topology", self.shape.topology, "--broker", self.shape.broker]
        await self.run("up", "--detach", "--port", str(self._port), *options)

    async def run(self, *arguments: str) -> str:
        """Run the program; what it printed. It has to succeed."""
        process = await asyncio.create_subprocess_exec(
            str(PROGRAM),
            *arguments,
            env={
                "ORDEREATS_HOME": str(self.home),
                "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
                **self.settings,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = (await process.communicate())[0].decode()
        assert process.returncode == 0, f"ordereats {' '.join(arguments)}: {output}"
        return output

    async def parts(self) -> dict[str, dict[str, Any]]:
        """`ordereats ps --json`, by name."""
        return {each["name"]: each for each in json.loads(await self.run("ps", "--json"))}

    async def kill(self, name: str) -> None:
        """SIGKILL a part, and keep it down."""
        await self.run("kill", name)

    async def start(self, name: str) -> None:
        """Start a part that was killed; it is ready when this returns."""
        await self.run("start", name)

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request through the front; bytes are sent as they are."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        sent = {"Content-Type": "application/json", **(headers or {})}
        async with self._http.request(method, self.url + path, data=data, headers=sent) as got:
            text = await got.text()
            return Answer(got.status, got.headers, json.loads(text) if text else None)

    async def post(self, path: str, body: object, **options: Any) -> Answer:
        """POST."""
        return await self.ask("POST", path, body, **options)

    async def get(self, path: str) -> Answer:
        """GET."""
        return await self.ask("GET", path)

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
        email = f"{monotonic()}@test.com"
        user = await self.post("/users", {"name": "Hieu", "email": email})
        restaurant = await self.post("/restaurants", {"name": "Pho Saigon"})
        self.user_id, self.restaurant_id = user.body["id"], restaurant.body["id"]

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

    async def ledger(self) -> list[dict[str, Any]]:
        """What the payment provider has on its books."""
        url = (await self.parts())["sandbox"]["url"]
        async with self._http.get(f"{url}/ledger?limit=500") as got:
            return list(await got.json())

    async def charges(self) -> dict[int, int]:
        """How often the provider reserved money, by order."""
        counts: dict[int, int] = {}
        for entry in await self.ledger():
            if entry["kind"] == "authorized":
                order_id = int(entry["metadata"]["order_id"])
                counts[order_id] = counts.get(order_id, 0) + 1
        return counts

    async def misbehave(self, **how: object) -> None:
        """Tell the payment provider to."""
        url = (await self.parts())["sandbox"]["url"]
        async with self._http.put(f"{url}/sandbox/behaviour", json=how) as got:
            assert got.status == 200, await got.text()


async def until(
    claim: Callable[[], Awaitable[bool]], *, within_s: float, what: str, every_s: float = 0.05
) -> None:
    """Wait for a condition, with a deadline."""
    deadline = monotonic() + within_s
    while not await claim():
        assert monotonic() < deadline, f"waited {within_s} s for {what}"
        await asyncio.sleep(every_s)
