"""The real sandbox in its own process, and the official library pointed at it."""

import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

import aiohttp
import msgspec
import pytest
import stripe

from support.builders import environment

PROGRAM = """
import pathlib, sys
from ordereats.sandbox.program import serve
serve(port=int(sys.argv[1]), data=pathlib.Path(sys.argv[2]))
"""

CARD = {
    "amount": 2500,
    "currency": "eur",
    "payment_method": "pm_card_visa",
    "payment_method_types": ["card"],
    "confirm": True,
    "capture_method": "manual",
}


class Program:
    """One sandbox. Started again, it has the same address and the same folder."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.log = folder / "log"
        self.errors = folder / "errors"
        self.port = 0
        self.url = ""
        self.told: dict[str, str] = {}  # settings
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with self.log.open("wb") as log, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(self.port), str(self.data)],
                stdout=log,
                stderr=errors,
                env=environment(**self.told),
            )
        deadline = time.monotonic() + 20
        while not (lines := self.lines()):
            assert self.runs, self.errors.read_text()
            assert time.monotonic() < deadline, "no address within 20 s"
            time.sleep(0.02)
        self.url = lines[0]["url"]
        self.port = int(self.url.rpartition(":")[2])
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and give the exit status."""
        assert self.process is not None
        self.process.send_signal(how)
        try:
            return self.process.wait(timeout=10)
        finally:
            self.process.kill()

    def lines(self) -> list[dict[str, Any]]:
        """Its log since it was started, as far as lines are whole."""
        whole, _, _ = self.log.read_bytes().rpartition(b"\n")
        return [msgspec.json.decode(line) for line in whole.splitlines()]

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Caller:
    """The sandbox as services see it (`stripe`) and as tests do (`http`).

    Each has an order and idempotency keys of its own, so that tests can share a sandbox.
    """

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.http = session
        self.url = url
        self.order = token_hex(8)
        self.stripe = stripe.StripeClient(
            "sk_test_anything",
            base_addresses={"api": url},
            max_network_retries=0,
            http_client=stripe.AIOHTTPClient(session=session, timeout=5),
        )

    async def charge(self, key: str | None = None, /, **changes: Any) -> stripe.PaymentIntent:
        """Authorize 25.00 on a good card, or what is said instead."""
        options: stripe.RequestOptions = {"idempotency_key": self.key(key)} if key else {}
        asked: Any = CARD | {"metadata": {"order_id": self.order}} | changes
        return await self.stripe.v1.payment_intents.create_async(asked, options)

    def key(self, name: str) -> str:
        return f"{self.order}-{name}"

    async def ledger(self, **query: str) -> list[dict[str, Any]]:
        async with self.http.get("/ledger", params=query) as response:
            assert response.status == 200
            entries: list[dict[str, Any]] = await response.json()
        return entries

    async def kinds(self) -> list[tuple[str, int]]:
        """The ledger of the order, in short."""
        entries = await self.ledger(orderId=self.order)
        return [(entry["kind"], entry["amount"]) for entry in entries]

    async def behave(self, **behaviour: object) -> dict[str, Any]:
        async with self.http.put("/sandbox/behaviour", json=behaviour) as response:
            assert response.status == 200, await response.text()
            now: dict[str, Any] = await response.json()
        return now


@pytest.fixture(scope="session")
def shared_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("sandbox")).start()
    yield running
    running.stop(signal.SIGKILL)


@pytest.fixture
async def caller(shared_program: Program) -> AsyncIterator[Caller]:
    """One of many who use the same sandbox; it behaves again afterwards."""
    async with aiohttp.ClientSession(shared_program.url) as session:
        caller = Caller(shared_program.url, session)
        yield caller
        await caller.behave()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """Start a sandbox for one test, which may stop it or kill it."""
    running = Program(tmp_path).start()
    yield running
    if running.runs:
        running.stop(signal.SIGKILL)


@pytest.fixture
async def only_caller(program: Program) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession(program.url) as session:
        yield Caller(program.url, session)
