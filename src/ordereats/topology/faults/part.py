"""The fault proxy as a part of a platform on this machine."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ordereats.topology.faults.control import List, ask
from ordereats.topology.local.environment import inherited
from ordereats.topology.local.files import write_whole
from ordereats.topology.local.part import Kind, Part
from ordereats.topology.local.ways import Way


def fault_proxy_part(name: str, folder: Path, port: int, ways: Sequence[Way]) -> Part:
    """The proxy that stands on these ways, and hears commands on this port."""
    file = folder / "ways.json"

    def prepare() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, msgspec.json.encode(ways).decode())

    async def ready() -> bool:
        return bool(await asyncio.to_thread(ask, port, List()))

    return Part(
        name=name,
        kind=Kind.FAULTS,
        command=(
            *(sys.executable, "-m", "ordereats.cli.main", "fault-proxy"),
            *(str(file), "--port", str(port)),
        ),
        url=f"tcp://127.0.0.1:{port}",
        env=inherited(),
        prepare=prepare,
        ready=ready,
    )
