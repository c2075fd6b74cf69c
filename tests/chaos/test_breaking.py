"""Breaking parts: a fault counts when its effect was seen, and only then."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from time import monotonic

import psutil
import pytest

from chaos import breaking
from chaos.breaking import Breaking
from chaos.platform import Platform
from chaos.schedule import Act, Fault
from ordereats.topology.faults.control import List
from ordereats.topology.faults.proxy import Proxy
from ordereats.topology.local.part import Kind, free_ports
from ordereats.topology.local.state import PartState, Phase, Running, State, born
from ordereats.topology.local.ways import Way
from support.platform import until


def a_part(name: str, kind: Kind, pid: int, port: int) -> PartState:
    url = f"http://127.0.0.1:{port}"
    return PartState(
        name=name, kind=kind, pid=pid, url=url, state=State.READY, restarts=0, born=born(pid)
    )


class OnePart(Platform):
    """A platform of one process, which nobody starts again, and a fault proxy on this port."""

    def __init__(self, folder: Path, process: "Popen[bytes]", faults: int = 1) -> None:
        super().__init__(folder, 1)
        self._parts = [
            a_part("gateway", Kind.GATEWAY, process.pid, 1),
            a_part("orders", Kind.SANDBOX, os.getpid(), 1),
            a_part("faults", Kind.FAULTS, os.getpid(), faults),
        ]

    def running(self) -> Running:
        return Running(
            pid=os.getpid(),
            born=0.0,
            phase=Phase.UP,
            address=self.url,
            topology="services",
            broker="none",
            parts=self._parts,
        )


@pytest.fixture
def process() -> "Iterator[Popen[bytes]]":
    with Popen(["sleep", "600"], start_new_session=True) as process:  # noqa: S607  # any will do
        yield process
        with suppress(ProcessLookupError):
            process.kill()


def a_fault(act: Act, *, lasts_s: float = 0.0) -> Fault:
    return Fault(0.0, f"{act} the gateway", act, ("gateway",), lasts_s)


def on_the_way(act: Act) -> Fault:
    return Fault(0.0, f"{act} the way to a call", act, ("gateway", "orders"), 0.1)


async def test_a_kill_counts_only_when_the_part_works_again(
    tmp_path: Path, process: "Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaking, "READY_WITHIN_S", 0.2)

    struck = await Breaking(OnePart(tmp_path, process), monotonic).strike(a_fault(Act.KILL))

    assert process.wait(5) < 0
    assert struck.proof is None
    assert "gateway to be started again" in str(struck.failure)


async def test_what_has_ended_already_can_not_be_struck(
    tmp_path: Path, process: "Popen[bytes]"
) -> None:
    platform = OnePart(tmp_path, process)
    process.kill()
    process.wait(5)

    struck = await Breaking(platform, monotonic).strike(a_fault(Act.PAUSE, lasts_s=0.1))

    assert struck.proof is None
    assert "NoSuchProcess" in str(struck.failure)


async def test_a_paused_part_stands_still_and_goes_on(
    tmp_path: Path, process: "Popen[bytes]"
) -> None:
    leader = psutil.Process(process.pid)

    async def stands_still() -> bool:
        return bool(leader.status() == psutil.STATUS_STOPPED)

    async with asyncio.TaskGroup() as tasks:
        fault = a_fault(Act.PAUSE, lasts_s=1.0)
        striking = tasks.create_task(Breaking(OnePart(tmp_path, process), monotonic).strike(fault))
        await until(stands_still, within_s=10, what="it to stand still")

    assert striking.result().proof == "1 processes stood still"
    assert not await stands_still()


async def test_two_faults_of_one_part_come_one_after_the_other(
    tmp_path: Path, process: "Popen[bytes]"
) -> None:
    one = Breaking(OnePart(tmp_path, process), monotonic)

    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(one.strike(a_fault(Act.PAUSE, lasts_s=0.3))) for _ in range(2)]

    first, second = sorted((each.result() for each in both), key=lambda struck: struck.at_s)
    assert second.at_s >= first.at_s + 0.3


@pytest.mark.parametrize("act", [Act.CUT, Act.DELAY, Act.BLACK_HOLE])
async def test_what_is_wrong_on_a_way_counts_only_when_somebody_meets_it(
    tmp_path: Path, process: "Popen[bytes]", act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaking, "MET_WITHIN_S", 0.2)
    port, faults, leads_to = free_ports(3)
    way = Way(source="gateway", target="orders", port=port, leads_to=leads_to)

    async with Proxy.open([way], faults) as proxy, await listening(leads_to):
        one = Breaking(OnePart(tmp_path, process, faults), monotonic)
        unmet = await one.strike(on_the_way(act))
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(asks_all_the_time(port))
            met = await one.strike(on_the_way(act))
            asking.cancel()
        told = await proxy.obey(List())

    assert "nobody met it" in str(unmet.failure)
    assert str(met.proof).endswith("times on its way")
    assert told.edges[0].toxics == ()
    assert one.struck == [unmet, met]


async def listening(port: int) -> asyncio.Server:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read(100)
            writer.write(b"answer")
        writer.close()

    return await asyncio.start_server(listen, "127.0.0.1", port)


async def asks_all_the_time(port: int) -> None:
    while True:
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"question")
            await reader.read()
            writer.close()
