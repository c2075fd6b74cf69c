"""The platform that is broken: started by its own command, in a folder of its own."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ordereats.topology.local.environment import inherited
from ordereats.topology.local.home import Home
from ordereats.topology.local.part import CannotStart, Kind, free_ports
from ordereats.topology.local.state import PartState, Running

PROGRAM = Path(sys.executable).parent / "ordereats"

SETTINGS: Mapping[str, str] = {
    # Orders whose customer never heard of them have to end soon: nobody cooks them.
    "ACCEPT_WITHIN_SECONDS": "60",
    "ANSWER_WITHIN_SECONDS": "120",
    "PAY_WITHIN_SECONDS": "120",
    "FIND_COURIER_WITHIN_SECONDS": "90",
    "OFFER_SECONDS": "10",
    "LOG_LEVEL": "info",
}
"""What makes an order end within the time that a run has."""


class Platform:
    """Services, RabbitMQ, databases and the fault proxy on every edge between them.

    Attributes:
        folder: of all that it keeps; its logs are evidence.
        url: where it answers.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._home = Home(folder)

    @classmethod
    @asynccontextmanager
    async def up(cls) -> "AsyncIterator[Platform]":
        """Start one, and stop it at the end. Its folder stays until `forget`, or goes with Ctrl-C.

        Raises:
            CannotStart: with its own words.
        """
        platform = cls(_open_folder(), free_ports(1)[0])
        try:
            try:
                await platform.command(
                    *("up", "--detach", "--faults", "--topology", "services"),
                    *("--broker", "rabbitmq", "--port", str(platform._port)),
                )
                yield platform
            finally:
                await platform.command("down")
        except asyncio.CancelledError:
            platform.forget()
            raise

    async def command(self, *arguments: str, fine: Sequence[int] = (0,)) -> str:
        """Run a command of the program; what it printed. It comes to its end, whatever happens.

        Args:
            arguments: for the program.
            fine: the exit statuses with which it ends well.

        Raises:
            CannotStart: it did not end well.
        """
        process = await asyncio.create_subprocess_exec(
            str(PROGRAM),
            *arguments,
            env={**inherited(), **SETTINGS, "ORDEREATS_HOME": str(self.folder)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            said, complaint = await process.communicate()
        except asyncio.CancelledError:
            await process.communicate()  # beside an `up` at work, `down` finds nothing to stop yet
            raise
        if process.returncode not in fine:
            raise CannotStart(f"ordereats {arguments[0]}: {complaint.decode() or said.decode()}")
        return said.decode()

    def running(self) -> Running:
        """What runs now.

        Raises:
            CannotStart: nothing does.
        """
        running = self._home.running()
        if running is None:
            raise CannotStart(f"The platform has ended: see the logs in {self.folder}.")
        return running

    def part(self, name: str) -> PartState:
        """One of its parts, as it is now.

        Raises:
            CannotStart: nothing runs.
        """
        return next(part for part in self.running().parts if part.name == name)

    def parts(self, kind: Kind) -> list[PartState]:
        """All of a kind."""
        return [part for part in self.running().parts if part.kind is kind]

    def port(self, name: str) -> int:
        """Where a part itself listens; it keeps its port for as long as the platform is up."""
        return urlsplit(self.part(name).url).port or 0

    def forget(self) -> None:
        """Delete all that it kept, once it is down."""
        linked = (self.folder / "data" / "postgres").resolve()
        shutil.rmtree(linked, ignore_errors=True)  # elsewhere, where its user can't get in
        shutil.rmtree(self.folder, ignore_errors=True)


def _open_folder() -> Path:
    """A folder that PostgreSQL's user can enter, if it has to be another than ours."""
    folder = Path(tempfile.mkdtemp(prefix="ordereats-chaos-")).resolve()
    folder.chmod(0o711)
    return folder
