"""What tests of containers share: the engine, the images, and one platform, each made once."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from support.containers import engine as engines
from support.containers import stand_ins
from support.containers.composed import COMPOSE, Composed
from support.containers.engine import CommandFailed, Engine
from support.platform import Answer, Shape, walk

OURS = "ordereats:local"
GATEWAY = "ordereats-gateway:local"
SLICE = "ordereats:users"


class Stack:
    """Makes what is asked for, at the first time; `close` takes all of it down."""

    def __init__(self, folder: Path, missing: Callable[[str], NoReturn]) -> None:
        self._folder = folder
        self._missing = missing
        self._engine: Engine | None = None
        self._platform: Composed | None = None
        self._resources = AsyncExitStack()
        self._images: set[str] = set()
        self.first_walk: list[Answer] = []

    async def engine(self) -> Engine:
        """The engine, with stand-ins for official images; skips where there can't be one."""
        if self._engine is None:
            if what := engines.lacking():
                self._missing(what)
            cache = engines.cache_folder()
            self._resources.enter_context(engines.the_only_one(cache))
            try:
                shelf = await stand_ins.shelf(cache)
                self._folder.mkdir()
                self._engine = await engines.start(cache, self._folder, shelf)
            except CommandFailed as reason:
                self._missing(f"a Docker engine: {reason}")
            self._resources.push_async_callback(engines.stop, self._engine)
            await stand_ins.make(self._engine)
        return self._engine

    async def image(self, name: str) -> str:
        """An image of ours, built from what is here now."""
        if name not in self._images:
            how = {
                GATEWAY: ("--target", "gateway"),
                SLICE: ("--build-arg", "SERVICES=users"),
                OURS: ("--build-arg", "VERSION=0.0.0+test", "--build-arg", "REVISION=0123abc"),
            }
            await self.rebuild(name, *how[name])
            self._images.add(name)
        return name

    async def rebuild(self, name: str, *arguments: str) -> None:
        """Build it anew, as the next version."""
        engine = await self.engine()
        await engine.docker("build", "--quiet", "--tag", name, *arguments, stand_ins.ROOT)

    async def spoil(self, name: str) -> None:
        """Have an image of that name that ends as soon as it starts."""
        engine = await self.engine()
        folder = self._folder / "spoiled"
        folder.mkdir()
        (folder / "Dockerfile").write_text(f'FROM {name}\nENTRYPOINT ["false"]\n')
        await engine.docker("build", "--quiet", "--tag", name, folder)

    async def project(self, shape: Shape) -> Composed:
        """A project of Compose that is not up; whoever starts it takes it down."""
        engine = await self.engine()
        for name in (OURS, GATEWAY):
            await self.image(name)
        http = await self._resources.enter_async_context(engine.http())
        return await Composed.made(engine, shape, http, self._folder / f"secrets-{shape}")

    async def platform(self) -> Composed:
        """The services, up, after the first walk."""
        if self._platform is None:
            platform = await self.project(COMPOSE)
            self._resources.push_async_callback(platform.down)
            await platform.start_all()
            self.first_walk = await walk(platform)
            await platform.furnish()
            self._platform = platform
        return self._platform

    async def close(self) -> None:
        """Take down all that was made."""
        await self._resources.aclose()


@pytest.fixture(scope="session")
async def stack(session_folder: Path, missing: Callable[[str], NoReturn]) -> AsyncIterator[Stack]:
    """Give what makes engine, images and platform when they are asked for."""
    stack = Stack(session_folder / "docker", missing)
    yield stack
    await stack.close()


@pytest.fixture(scope="session")
async def engine(stack: Stack) -> Engine:
    """Give the engine, which has what stands in for official images."""
    return await stack.engine()


@pytest.fixture(scope="session")
async def composed(stack: Stack) -> Composed:
    """Give the platform that runs in containers."""
    return await stack.platform()


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the engine, and give it time: on a bare machine it makes all of it first."""
    for item in items:
        if item.nodeid.startswith("tests/containers/") or f"[{COMPOSE}" in item.nodeid:
            item.add_marker(pytest.mark.containers)
            item.add_marker(pytest.mark.timeout(900))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Make the images beside the first tests, and without haste: on a bare machine that is long."""
    first = os.environ.get("PYTEST_XDIST_WORKER") == "gw0"  # noqa: TID251  # the library's
    if first and any(each.get_closest_marker("containers") for each in session.items):
        subprocess.Popen(
            [
                *("nice", "setpriv", "--pdeathsig", "TERM"),
                *(sys.executable, "-m", "support.containers.prepare"),
            ],
            env={**os.environ, "PYTHONPATH": str(stand_ins.ROOT / "tests")},  # noqa: TID251  # handed on
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
