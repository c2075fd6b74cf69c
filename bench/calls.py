"""What a call between services costs its caller, against a bare aiohttp call to the same server."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, process_time

import aiohttp
import msgspec
import uvloop

from bench.load import Failed
from bench.servers import process
from ordereats.chassis.calls.client import Calls
from ordereats.chassis.calls.edges import Edges, EdgeSettings
from ordereats.chassis.calls.http import Http
from ordereats.chassis.calls.in_process import InProcess, answer
from ordereats.chassis.context import Context, entered, new_id
from ordereats.contracts.ids import UserId
from ordereats.contracts.users import GET_USER, User, WhichUser
from ordereats.contracts.wire import decode, encode

BARE, HTTP, IN_PROCESS = "bare aiohttp", "over HTTP", "in process"
AT_MOST = 2.0
"""Bare calls that a call over HTTP may cost."""
WARM_UP = 200

ANSWER = b'{"id":1,"name":"Hieu","email":"hieu@test.com","createdAt":"2026-11-22T12:00:00Z"}'


class CallRound(msgspec.Struct, frozen=True):
    """Calls of one kind, one after the other.

    Attributes:
        cpu_us: CPU of the caller for a call.
        us: time that a call took.
    """

    cpu_us: float
    us: float


CallCosts = Mapping[str, Sequence[CallRound]]
"""The rounds of each kind of call."""


async def call_costs(folder: Path, *, seconds: float, rounds: int) -> CallCosts:
    """Measure each kind of call in turn, in a process like a service's own.

    Raises:
        Failed: the calls met an error.
    """
    command = (sys.executable, "-m", "bench.tiny", "{port}")
    async with process("tiny", command, folder, cwd=Path.cwd()) as tiny:
        arguments = ("-m", "bench.calls", tiny.url, str(seconds), str(rounds))
        calling = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await calling.communicate()
    if calling.returncode:
        raise Failed(f"The calls ended with {calling.returncode}.")
    return msgspec.json.decode(said, type=dict[str, list[CallRound]])


async def _measure(url: str, *, seconds: float, rounds: int) -> CallCosts:
    in_process = InProcess()
    user = decode(ANSWER, User)

    async def get_user(_which: WhichUser) -> User:
        return user

    in_process.add([answer(GET_USER, get_user)])
    which, edges = WhichUser(UserId(1)), Edges(EdgeSettings())
    async with Http.open(url) as http, aiohttp.ClientSession() as session:
        over_http, inside = Calls({"users": http}, edges), Calls({"users": in_process}, edges)
        address = f"{url}/users/1"

        async def bare() -> User:
            async with session.get(address) as got:
                return decode(await got.read(), User)

        asks: Mapping[str, Callable[[], Awaitable[User]]] = {
            BARE: bare,
            HTTP: lambda: over_http.ask(GET_USER, which),
            IN_PROCESS: lambda: inside.ask(GET_USER, which),
        }
        costs: dict[str, list[CallRound]] = {name: [] for name in asks}
        for _ in range(rounds):
            for name, ask in asks.items():
                with entered(Context(new_id())):
                    costs[name].append(await _round(ask, seconds=seconds))
    return costs


async def _round(ask: Callable[[], Awaitable[User]], *, seconds: float) -> CallRound:
    for _ in range(WARM_UP):
        await ask()
    calls, cpu_began, began = 0, process_time(), perf_counter()
    while (took := perf_counter() - began) < seconds:
        for _ in range(100):
            await ask()
        calls += 100
    return CallRound(cpu_us=(process_time() - cpu_began) / calls * 1e6, us=took / calls * 1e6)


if __name__ == "__main__":
    measured = uvloop.run(
        _measure(sys.argv[1], seconds=float(sys.argv[2]), rounds=int(sys.argv[3]))
    )
    sys.stdout.buffer.write(encode(measured))
