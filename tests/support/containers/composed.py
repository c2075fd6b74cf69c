"""A platform that Compose runs on the tests' own engine, spoken to as any other."""

import json
from pathlib import Path
from typing import Any, Self

import aiohttp

from ordereats.topology import catalog
from support.containers.engine import Engine, command, tried
from support.containers.stand_ins import ROOT
from support.platform import Platform, Shape

COMPOSE = Shape("services", "compose")
MONOLITH = Shape("monolith", "compose")
FILES = {COMPOSE: "compose.yaml", MONOLITH: "compose.monolith.yaml"}
GATEWAY = "http://gateway:3000"

_LABEL = "com.docker.compose"


class Composed(Platform):
    """A running project of Compose, with secrets of its own.

    What asks services themselves, and not through the gateway, goes to the first container of each.
    """

    def __init__(
        self, engine: Engine, shape: Shape, http: aiohttp.ClientSession, secrets: Path
    ) -> None:
        super().__init__(shape, secrets, http, {})
        port = 3000 if shape == COMPOSE else 3001  # so that both may run
        self.url = f"http://127.0.0.1:{port}"
        self.engine = engine
        self._environment = {
            **engine.environment,
            "COMPOSE_FILE": str(ROOT / FILES[shape]),
            "SECRETS": str(secrets),
            "PORT": str(port),
            "HEALTH_INTERVAL": "3s",
            "WAIT_SECONDS": "90",
            # What is slow here is this machine.
            "SHEDDING": "off",
        }

    @classmethod
    async def made(
        cls, engine: Engine, shape: Shape, http: aiohttp.ClientSession, secrets: Path
    ) -> Self:
        """One with new secrets, which does not run yet."""
        await command(str(ROOT / "tools/secrets"), secrets)
        return cls(engine, shape, http, secrets)

    async def compose(self, *arguments: str) -> str:
        """Run `docker compose …`; what it printed."""
        return await command("docker", "compose", *arguments, environment=self._environment)

    async def tool(self, name: str, *arguments: str) -> str:
        """Run one of `tools/`; what it printed."""
        return await command(str(ROOT / "tools" / name), *arguments, environment=self._environment)

    async def start_all(self) -> None:
        """`docker compose up`: whoever is in front is started last, so all are up then."""
        front = "gateway" if self.shape == COMPOSE else "ordereats"
        await self.compose("up", "--detach", "--no-build", "--wait", front)

    async def down(self) -> None:
        """Stop all without delay, and delete its data."""
        await self.compose("--profile", "tools", "down", "--volumes", "--timeout", "1")

    async def everything(self) -> list[tuple[str, dict[str, Any]]]:
        """What the engine says of each container, by the service that it is of."""
        project = (await self.inspected("rabbitmq"))["Config"]["Labels"][f"{_LABEL}.project"]
        mine = ("ps", "--all", "--quiet", "--filter", f"label={_LABEL}.project={project}")
        containers = (await self.engine.docker(*mine)).split()
        seen = json.loads(await self.engine.docker("inspect", *containers))
        return [(each["Config"]["Labels"][f"{_LABEL}.service"], each) for each in seen]

    async def containers(self, service: str, *, stopped: bool = False) -> list[str]:
        """Their ids."""
        ended = ["--all"] if stopped else []
        return (await self.compose("ps", *ended, "--quiet", service)).split()

    async def inspected(self, service: str) -> dict[str, Any]:
        """What the engine says of the first container."""
        (container, *_) = await self.containers(service, stopped=True)
        return dict(json.loads(await self.engine.docker("inspect", container))[0])

    async def tried(self, *arguments: str) -> tuple[int | None, str, str]:
        """`docker compose run --rm tools …`."""
        asked = [GATEWAY if each == self.url else each for each in arguments]
        run = ("--progress", "quiet", "run", "--rm", "--no-TTY", "--no-deps", "tools")
        return await tried("docker", "compose", *run, *asked, environment=self._environment)

    async def python(self, service: str, program: str, *arguments: str) -> str:
        """Run a program of Python's in a container; what it printed."""
        # A name that is unknown there is asked for elsewhere, where nobody answers.
        patience = ("--env", "RES_OPTIONS=timeout:1 attempts:1")
        run = ("exec", "--no-TTY", *patience, service, "python", "-c", program)
        return await self.compose(*run, *arguments)

    async def text(self, path: str, *, at: str) -> str:
        """What an address answers that is no JSON."""
        async with self._http.get(at + path) as got:
            assert got.status == 200, got
            return await got.text()

    async def kill(self, name: str) -> None:
        await self.compose("kill", name)

    async def start(self, name: str) -> None:
        await self.compose("up", "--detach", "--no-build", "--no-deps", "--wait", name)

    async def address(self, part: str) -> str:
        seen = (await self.inspected(part))["NetworkSettings"]["Networks"].values()
        port = 12111 if part == "sandbox" else 3000
        return next(f"http://{each['IPAddress']}:{port}" for each in seen if each["IPAddress"])

    async def parts(self) -> dict[str, dict[str, Any]]:
        return {
            name: {
                "name": name,
                "kind": "service",
                "database": (self.home / f"{name}-database-url").read_text().strip(),
            }
            for name in catalog.SERVICES
        }

    async def stored(self, service: str, query: str) -> str | None:
        asked = ("psql", "--username=ordereats", "--tuples-only", "--no-align", "--command", query)
        said = await self.compose("exec", "--no-TTY", f"postgres-{service}", *asked)
        return said.strip() or None
