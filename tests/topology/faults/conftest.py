"""The fault proxy as the program that it is, in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from ordereats.topology.faults.control import Add, Clear, List, OnEdge, ask
from ordereats.topology.faults.toxics import Toxic
from ordereats.topology.local.part import free_ports
from ordereats.topology.local.ways import Way


class RunningProxy:
    """One that stands on some edges.

    Attributes:
        port: where it hears commands.
    """

    def __init__(self, ways: Sequence[Way], port: int) -> None:
        self.ways = ways
        self.port = port

    @property
    def way(self) -> Way:
        """The first, for tests that need one."""
        return self.ways[0]

    def add(self, *toxics: Toxic) -> None:
        """Put toxics on all edges."""
        for toxic in toxics:
            ask(self.port, Add("any", "any", toxic))

    def clear(self) -> None:
        """Take them all away."""
        ask(self.port, Clear())

    def all(self) -> list[OnEdge]:
        """The edges and their toxics."""
        return ask(self.port, List())


@contextmanager
def running(ways: Sequence[Way], folder: Path, port: int | None = None) -> Iterator[RunningProxy]:
    """Run one for the length of a block."""
    file = folder / "ways.json"
    file.write_bytes(msgspec.json.encode(ways))
    proxy = RunningProxy(ways, port or free_ports(1)[0])
    command = (sys.executable, "-m", "ordereats.cli.main", "fault-proxy", str(file))
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([*command, "--port", str(proxy.port)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while True:
            with suppress(OSError):
                assert proxy.all()
                break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield proxy
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def shared_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """One for the whole run, with one edge: from `one` to `other`."""
    port, leads_to = free_ports(2)
    way = Way(source="one", target="other", port=port, leads_to=leads_to)
    with running([way], tmp_path_factory.mktemp("faults")) as proxy:
        yield proxy


@pytest.fixture
def proxy(shared_proxy: RunningProxy) -> Iterator[RunningProxy]:
    """Give it without a toxic."""
    yield shared_proxy
    shared_proxy.clear()
