"""A run whose platform does not come back has results too: that it did not is one of them."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chaos import run as running
from chaos.page import page
from chaos.platform import Platform
from chaos.run import Wanted, run
from chaos.verdict import Wrong
from ordereats.topology.city.seeding import Settled
from ordereats.topology.local.part import Kind, free_ports
from ordereats.topology.local.state import PartState, Phase, Running, State


class NobodyThere(Platform):
    """A platform of which nothing answers any more, the fault proxy included."""

    def running(self) -> Running:
        return Running(
            pid=1,
            born=0.0,
            phase=Phase.UP,
            address=self.url,
            topology="services",
            broker="rabbitmq",
            parts=[
                PartState(
                    name="faults",
                    kind=Kind.FAULTS,
                    pid=1,
                    url=f"tcp://127.0.0.1:{urlsplit(self.url).port}",
                    state=State.READY,
                    restarts=0,
                )
            ],
        )


async def test_a_platform_that_does_not_come_back_is_a_violation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def settle(*_: object) -> Settled:
        return Settled((), (), (), made=0, found=0)

    async def play(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(running, "settle", settle)
    monkeypatch.setattr(running, "play", play)
    log = tmp_path / "requests.jsonl"
    wanted = Wanted(seconds=0.1, seed=1, rate=0, every_s=1, log=log, kinds=[])
    told: list[str] = []

    results = await run(wanted, NobodyThere(tmp_path, free_ports(1)[0]), told.append)

    (violation,) = results.violations
    assert (violation.wrong, violation.subject) == (Wrong.NOT_WELL, "the platform")
    assert "1 promise was broken." in page(results)
