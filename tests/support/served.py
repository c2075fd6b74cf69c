"""`ordereats serve` in a process of its own: its two lines, its log, its end."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, Self

import aiohttp
import msgspec

from support.builders import NOBODY, Client, until_true

PROGRAM = Path(sys.executable).parent / "ordereats"
READY_WITHIN_S = 30


class Served:
    """A group of services at work.

    Attributes:
        client: speaks with it.
    """

    def __init__(self, process: Process, output: Path, session: aiohttp.ClientSession) -> None:
        self.process = process
        self._output = output
        self._session = session
        self.client = Client("", session)

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *arguments: str,
        folder: Path,
        program: Sequence[str] = (str(PROGRAM),),
        **variables: str,
    ) -> AsyncIterator[Self]:
        """Start it on a free port, and leave nothing behind; `program` takes its place."""
        launched = cls.launch(
            *arguments, folder=folder, program=program, descriptors=(), **variables
        )
        async with launched as served:
            await served.runs()
            yield served

    @classmethod
    @asynccontextmanager
    async def launch(
        cls,
        *arguments: str,
        folder: Path,
        program: Sequence[str] = (str(PROGRAM),),
        descriptors: Sequence[int] = (),
        **variables: str,
    ) -> AsyncIterator[Self]:
        """The same, without waiting until it `runs`; it inherits the open files `descriptors`."""
        output = folder / f"served-{token_hex(4)}.log"
        async with aiohttp.ClientSession() as session:
            process = await _spawn(
                output, ("serve", *arguments), variables, program, descriptors=descriptors
            )
            served = cls(process, output, session)
            try:
                yield served
            finally:
                if served.process.returncode is None:
                    served.process.kill()
                await served.process.wait()

    @property
    def said(self) -> list[str]:
        """What it says to people: every whole line that is no event of the log."""
        return [line for line in self._lines() if not line.startswith("{")]

    @property
    def log(self) -> list[dict[str, Any]]:
        """The events of its log."""
        return [msgspec.json.decode(line) for line in self._lines() if line.startswith("{")]

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    @property
    def port(self) -> int:
        return int(self.said[-1].rpartition(" ")[2])

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and give the exit status."""
        self.process.send_signal(how)
        async with asyncio.timeout(20):
            return await self.process.wait()

    async def runs(self) -> None:
        """Wait until it answers."""
        await until_true(self._runs, within_s=READY_WITHIN_S)
        self.client = Client(f"http://127.0.0.1:{self.port}", self._session)

    async def _runs(self) -> bool:
        assert self.process.returncode is None, self.output
        return any(line.startswith("Server running") for line in self._lines())

    def _lines(self) -> list[str]:
        whole, _, _ = self.output.rpartition("\n")
        return whole.splitlines()


async def refused(
    *arguments: str, folder: Path, command: str = "serve", **variables: str
) -> tuple[int, str]:
    """Start what can't be started; give its exit status and all that it says."""
    output = folder / f"refused-{token_hex(4)}.log"
    process = await _spawn(output, (command, *arguments), variables, cwd=folder)
    async with asyncio.timeout(30):
        status = await process.wait()
    return status, output.read_text(encoding="utf-8")


async def _spawn(
    output: Path,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    program: Sequence[str] = (str(PROGRAM),),
    descriptors: Sequence[int] = (),
    cwd: Path | None = None,
) -> Process:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "PYTHONPATH"}}  # noqa: TID251  # a child needs them
    with output.open("wb") as file:
        return await asyncio.create_subprocess_exec(
            *program,
            *arguments,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=descriptors,
            env={**kept, "PORT": "0", "STRIPE_API_BASE": NOBODY, **variables},
        )
