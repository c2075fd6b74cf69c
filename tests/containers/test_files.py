"""The files of Compose: each is understood, and what all containers must have, all have."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ordereats.topology import catalog
from support.containers.engine import CommandFailed, Engine, command
from support.containers.stand_ins import IMAGES, ROOT

FILES = ["compose.yaml", "compose.monolith.yaml"]
ONCE = {"broker", "tools"}
"""They do their work and end, and are never asked how they are."""


@pytest.mark.parametrize("file", [each.name for each in ROOT.glob("compose*.yaml")])
async def test_compose_understands_a_file(engine: Engine, file: str, tmp_path: Path) -> None:
    base = [] if file in FILES else ["--file", str(ROOT / "compose.yaml")]

    said = await understood(engine, tmp_path, *base, "--file", str(ROOT / file))

    assert said["services"]


@pytest.mark.parametrize("file", FILES)
async def test_every_container_has_limits_a_health_check_and_no_more_rights_than_it_needs(
    engine: Engine, file: str, tmp_path: Path
) -> None:
    services = (await understood(engine, tmp_path, "--file", str(ROOT / file)))["services"]

    for name, each in services.items():
        assert each["read_only"], name
        assert each["cap_drop"] == ["ALL"], name
        assert each["security_opt"] == ["no-new-privileges:true"], name
        assert {"cpus", "memory", "pids"} <= each["deploy"]["resources"]["limits"].keys(), name
        assert name in ONCE or each["healthcheck"]["test"][0] == "CMD", name
        assert not {"container_name", "privileged", "network_mode"} & each.keys(), name
        for port in each.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name
        waited_for = each.get("depends_on", {}).values()
        assert all(
            "healthy" in on["condition"] or "completed" in on["condition"] for on in waited_for
        )


async def test_each_service_has_a_database_of_its_own_that_only_it_can_ask(
    engine: Engine, tmp_path: Path
) -> None:
    said = await understood(engine, tmp_path, "--file", str(ROOT / "compose.yaml"))

    databases = {name for name in said["services"] if name.startswith("postgres-")}
    assert databases == {f"postgres-{name}" for name in catalog.SERVICES}
    for name in catalog.SERVICES:
        (network,) = said["services"][f"postgres-{name}"]["networks"]
        assert said["networks"][network]["internal"]
        inside = {
            each for each, of in said["services"].items() if network in of.get("networks", {})
        }
        assert inside == {name, f"postgres-{name}", "rabbitmq", "tools"}


async def test_each_foreign_image_has_a_stand_in_and_a_version(
    engine: Engine, tmp_path: Path
) -> None:
    asked = {
        each["image"]
        for file in FILES
        for each in (await understood(engine, tmp_path, "--file", str(ROOT / file)))[
            "services"
        ].values()
        if "build" not in each
    }
    asked |= set(re.findall(r"^FROM (\S+:\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))

    assert asked == set(IMAGES.values())


def test_secrets_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    subprocess.run([ROOT / "tools/secrets", tmp_path], check=True)
    before = {file.name: file.read_text() for file in tmp_path.iterdir()}
    (tmp_path / "users-broker-url").unlink()

    subprocess.run([ROOT / "tools/secrets", tmp_path], check=True)

    after = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert {name for name in before if after[name] != before[name]} == {"users-broker-url"}
    assert after.keys() == before.keys()
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    passwords = [text for name, text in after.items() if name.endswith("-password")]
    assert len(passwords) == 8
    assert len(set(passwords)) == 8


async def test_nothing_starts_without_its_secrets(engine: Engine, tmp_path: Path) -> None:
    one = ("--file", str(ROOT / "compose.yaml"), "up", "--no-deps", "--no-build", "postgres-users")

    with pytest.raises(CommandFailed, match="database-password"):
        await compose(engine, tmp_path, *one)


async def understood(engine: Engine, secrets: Path, *files: str) -> dict[str, Any]:
    """A file, as Compose understands it."""
    options = ("--profile", "*", "config", "--format=json")
    return dict(json.loads(await compose(engine, secrets, *files, *options)))


async def compose(engine: Engine, secrets: Path, *arguments: str) -> str:
    """Run `docker compose`, in another project than those that run."""
    own = {"COMPOSE_PROJECT_NAME": "files", "SUBNETS": "10.214"}
    told = {**engine.environment, **own, "SECRETS": str(secrets)}
    return await command("docker", "compose", *arguments, environment=told)
