"""A Docker engine of the tests' own, which shares nothing with one that the machine runs.

It lives in namespaces of its own: its networks, addresses and firewall rules are nobody else's, the
ports that it publishes are taken from nobody, and when its first process ends, everything in it is
gone. Only its images are kept, in a cache.
"""

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

import aiohttp
import psutil

from ordereats.chassis.config import Environment
from support.platform import until

NEEDED = ("dockerd", "docker", "containerd", "runc", "iptables", "ip", "mmdebstrap", "setpriv")
"""The programs; Debian's packages are docker.io, iptables, iproute2, mmdebstrap."""

HOST, SHELF_PORT = "172.31.255.1", 8181
"""Where what is built finds the wheels: outside of it there is nothing."""

_CGROUPS = Path("/sys/fs/cgroup")
_GROUP = "ordereats-tests"
_AS_MANY = 8
"""Processes that the group counts as; twenty servers are in it, most of them idle."""
_IN_NAMESPACES = f"""\
ip link set lo up
"$1" -m http.server {SHELF_PORT} --directory "$2" > /dev/null 2>&1 &
shift 2
exec "$@"
"""
_CLONE_NEWNET = 0x40000000


class CommandFailed(Exception):
    """A command ended with another exit status than 0; its text is all that it said."""


def cache_folder() -> Path:
    """Where images and wheels are kept from one run to the next."""
    default = Path.home() / ".cache"
    folder = Path(Environment().text("XDG_CACHE_HOME", str(default))) / "ordereats-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lacking() -> str | None:
    """What this machine has not, if an engine can't be started here; in words."""
    if os.geteuid() != 0:
        return "root, to start a Docker engine"
    absent = [name for name in NEEDED if not shutil.which(name)]
    if absent:
        return f"{', '.join(absent)}, to start a Docker engine with stand-ins for its images"
    return None


@dataclass(frozen=True)
class Engine:
    """The engine, and the commands that talk to it.

    Attributes:
        cache: what is kept from run to run.
        folder: what is not; its path is short, for there is a socket in it.
        process: outside of its namespaces; dies with the tests.
    """

    cache: Path
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        """What Docker's programs are told."""
        return {
            "PATH": os.defpath + ":/usr/sbin:/sbin",
            "HOME": str(self.folder),
            "DOCKER_HOST": f"unix://{self.folder}/docker.sock",
            "DOCKER_CONFIG": str(self.cache / "docker"),
            "DOCKER_BUILDKIT": "1",
        }

    async def docker(self, *arguments: str | Path) -> str:
        """Run `docker …`; what it printed.

        Raises:
            CommandFailed: it did not succeed.
        """
        return await command("docker", *arguments, environment=self.environment)

    @property
    def inside(self) -> int:
        """The process id of its first process."""
        return int(psutil.Process(self.process.pid).children()[0].pid)

    def socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """A socket in its network, where its containers and published ports are to be reached."""
        family, kind, protocol, *_ = address
        with self._network():
            return socket.socket(family, kind, protocol)

    def http(self) -> aiohttp.ClientSession:
        """A client in its network."""
        connector = aiohttp.TCPConnector(limit=0, socket_factory=self.socket)
        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), connector=connector)

    async def crash(self, container: str) -> None:
        """Kill a container's process as the kernel would, behind the engine's back."""
        pid = (await self.docker("inspect", "--format", "{{.State.Pid}}", container)).strip()
        await command("nsenter", "--target", str(self.inside), "--pid", "kill", "-9", pid)

    @contextmanager
    def _network(self) -> Iterator[None]:
        """This thread, in its network for the length of a block that waits for nothing."""
        libc = ctypes.CDLL(None, use_errno=True)
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        its = os.open(f"/proc/{self.inside}/ns/net", os.O_RDONLY)
        try:
            assert libc.setns(its, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            yield
        finally:
            assert libc.setns(own, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            os.close(own)
            os.close(its)


@contextmanager
def the_only_one(cache: Path) -> Iterator[None]:
    """Wait for other test runs that use the same cache."""
    with (cache / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


async def start(cache: Path, folder: Path, shelf: Path) -> Engine:
    """Start it, and throw away what a run that was killed has left.

    Args:
        cache: for images.
        folder: for all else; short.
        shelf: files that builds can fetch.

    Raises:
        CommandFailed: it did not start; what its log says.
    """
    _make_group()
    log = folder / "dockerd.log"
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: ASYNC220  # it is to end with this thread
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
                *("sh", "-c", _IN_NAMESPACES, "sh", sys.executable, str(shelf)),
                *("dockerd", "--data-root", str(cache / "engine")),
                *("--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid")),
                *("--host", f"unix://{folder}/docker.sock", "--bip", f"{HOST}/24"),
                *("--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{_GROUP}"),
            ],
            stdout=out,
            stderr=out,
        )
    engine = Engine(cache, folder, process)

    async def answers() -> bool:
        if process.poll() is not None:
            raise CommandFailed(log.read_text()[-2000:])
        try:
            await engine.docker("version")
        except CommandFailed:
            return False
        return True

    await until(answers, within_s=60, what="the Docker engine", every_s=0.2)
    containers = (await engine.docker("ps", "--all", "--quiet")).split()
    if containers:
        await engine.docker("rm", "--force", "--volumes", *containers)
    await engine.docker("volume", "prune", "--force")
    await engine.docker("network", "prune", "--force")
    return engine


async def stop(engine: Engine) -> None:
    """Stop it, and delete what no later run has use for."""
    await engine.docker("image", "prune", "--force")
    await engine.docker("builder", "prune", "--force", "--keep-storage", "1GB")
    with_it = engine.inside
    os.kill(with_it, signal.SIGTERM)
    try:
        await asyncio.to_thread(engine.process.wait, 30)
    except subprocess.TimeoutExpired:
        engine.process.kill()
        engine.process.wait()
    _remove_groups()


def _make_group() -> None:
    """Give the containers their share: the kernel would count all of them as one process."""
    if (_CGROUPS / "cgroup.controllers").exists():  # version 2
        share, weight = _CGROUPS / _GROUP / "cpu.weight", 100 * _AS_MANY
    else:
        share, weight = _CGROUPS / "cpu" / _GROUP / "cpu.shares", 1024 * _AS_MANY
    with suppress(OSError):  # who can't still has an engine, and a slow one
        share.parent.mkdir(exist_ok=True)
        share.write_text(str(weight))


def _remove_groups() -> None:
    """Remove what the kernel leaves of containers, deepest first; those in use can't be removed."""
    for group in [*_CGROUPS.glob(f"*/{_GROUP}"), _CGROUPS / _GROUP]:
        for each in sorted([*group.rglob("*/"), group], reverse=True):
            with suppress(OSError):
                each.rmdir()


async def command(
    program: str, *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> str:
    """Run a program; what it printed.

    Raises:
        CommandFailed: it did not succeed.
    """
    status, output, errors = await tried(program, *arguments, environment=environment)
    if status:
        words = " ".join([program, *map(str, arguments)])
        raise CommandFailed(f"{words}: exit status {status}\n{output}{errors}")
    return output


async def tried(
    program: str, *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> tuple[int | None, str, str]:
    """Run a program; its exit status, what it printed, and its complaints."""
    process = await asyncio.create_subprocess_exec(
        program,
        *map(str, arguments),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = (each.decode(errors="replace") for each in await process.communicate())
    return process.returncode, output, errors
