"""The images: what is in them, what is not, and who runs them."""

import json
from typing import Any

import pytest

from ordereats.topology import catalog
from support.containers.engine import CommandFailed, Engine
from support.containers.stack import GATEWAY, OURS, SLICE, Stack
from support.containers.stand_ins import IMAGES, ROOT

MOST_BYTES = 200e6
MOST_OF_OURS = 75e6
"""Of that what is ours: the base differs a little from the one that stands in for it here."""
PACKAGE = "/opt/ordereats/lib/python3.13/site-packages"
LIST = "import os, sys; print(*sorted(os.listdir(sys.argv[1])))"


async def test_the_image_is_small(stack: Stack, engine: Engine) -> None:
    whole = (await inspected(engine, await stack.image(OURS)))["Size"]
    base = (await inspected(engine, IMAGES["python"]))["Size"]

    assert whole < MOST_BYTES
    assert whole - base < MOST_OF_OURS


async def test_the_image_says_what_it_is_and_is_run_by_nobody(stack: Stack, engine: Engine) -> None:
    config = (await inspected(engine, await stack.image(OURS)))["Config"]

    named = {name.rpartition(".")[2]: text for name, text in config["Labels"].items()}
    assert named["title"] == "OrderEats"
    assert (named["version"], named["revision"]) == ("0.0.0+test", "0123abc")
    assert named["licenses"] == "Apache-2.0"
    assert config["User"] == "10001:10001"
    assert (config["Entrypoint"], config["Cmd"]) == (["ordereats"], ["serve", "all"])
    assert config["Healthcheck"]["Test"][0] == "CMD"  # and not CMD-SHELL
    assert list(config["ExposedPorts"]) == ["3000/tcp"]


async def test_a_container_without_rights_or_a_writable_place_runs_the_program(
    stack: Stack, engine: Engine
) -> None:
    said = await run(engine, await stack.image(OURS), "--help")

    assert "serve" in said


async def test_what_is_missing_is_one_sentence_and_status_2(stack: Stack, engine: Engine) -> None:
    with pytest.raises(
        CommandFailed, match="exit status 2\nusers has no database: set DATABASE_URL"
    ):
        await run(engine, await stack.image(OURS), "serve", "users")


async def test_there_is_no_installer_and_no_test_and_all_that_is_loaded_is_compiled(
    stack: Stack, engine: Engine
) -> None:
    image = await stack.image(OURS)
    program = (
        "import sys\nfrom importlib import import_module\nfrom ordereats.topology import catalog\n"
        "for name in catalog.SERVICES: import_module(f'ordereats.services.{name}.service')\n"
        "import ordereats.topology.serve\n"
        "from pathlib import Path\n"
        "mine = [m for m in sys.modules.values() if str(getattr(m, '__file__', '')).startswith("
        f"'{PACKAGE}') and m.__file__.endswith('.py')]\n"
        "print(len(mine), *[m.__name__ for m in mine if not Path(m.__cached__).exists()])"
    )

    installed = (await python(engine, image, LIST, PACKAGE)).split()
    counted, *uncompiled = (await python(engine, image, program)).split()

    assert {"pip", "setuptools", "uv", "pytest", "numpy", "faker", "caddy"}.isdisjoint(installed)
    assert int(counted) > 500
    assert uncompiled == []


async def test_the_image_has_its_bill_of_materials(stack: Stack, engine: Engine) -> None:
    image = await stack.image(OURS)

    bill = json.loads(
        await python(engine, image, "print(open('/opt/ordereats/sbom.cdx.json').read())")
    )

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "ordereats"
    purls = {each["purl"] for each in bill["components"]}
    locked = [
        line.split(" ")[0].replace("==", "@")
        for line in (ROOT / "requirements/serve.lock").read_text().splitlines()
        if "==" in line and " ; " not in line and not line.startswith(" ")
    ]
    assert len(locked) > 40
    assert {f"pkg:pypi/{each}" for each in locked} <= purls
    assert any(each.startswith("pkg:deb/debian/libc6@") for each in purls)
    references = {each["bom-ref"] for each in bill["components"]}
    references.add(bill["metadata"]["component"]["bom-ref"])
    assert all({each["ref"], *each["dependsOn"]} <= references for each in bill["dependencies"])


async def test_a_slice_has_one_service_and_what_it_needs(stack: Stack, engine: Engine) -> None:
    whole, image = await stack.image(OURS), await stack.image(SLICE)

    rooms = (await python(engine, image, LIST, f"{PACKAGE}/ordereats/services")).split()
    house = (await python(engine, image, LIST, f"{PACKAGE}/ordereats")).split()
    kept = {*(await python(engine, image, LIST, PACKAGE)).split()}
    all_of_it = {*(await python(engine, whole, LIST, PACKAGE)).split()}

    assert [each for each in rooms if each in catalog.SERVICES] == ["users"]
    assert {"chassis", "contracts"} <= {*house}
    assert "sandbox" not in house
    gone = {each for each in all_of_it - kept if not each.endswith(".dist-info")}
    assert {"rustworkx", "stripe", "aiosmtplib"} <= gone
    assert gone.isdisjoint({"aiohttp", "asyncpg", "litestar", "aio_pika"})
    with pytest.raises(CommandFailed, match="There is no service orders here"):
        await run(engine, image, "serve", "orders")


async def test_the_gateway_is_caddy_with_a_route_for_each_service(
    stack: Stack, engine: Engine
) -> None:
    image = await stack.image(GATEWAY)

    said = await engine.docker(
        *("run", "--rm", "--network=none", "--cap-drop=ALL", "--cap-add=NET_BIND_SERVICE", image),
        *("caddy", "adapt", "--adapter", "caddyfile", "--config", "/etc/caddy/Caddyfile"),
    )

    assert (await inspected(engine, image))["Config"]["User"] == "10001:10001"
    for name in catalog.SERVICES:
        assert f'"name":"{name}","port":"3000"' in said


async def inspected(engine: Engine, image: str) -> dict[str, Any]:
    """What the engine says of an image."""
    return dict(json.loads(await engine.docker("image", "inspect", image))[0])


async def run(engine: Engine, image: str, *arguments: str) -> str:
    """Run it as it is meant to be: it can write nowhere, and has no rights."""
    held = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")
    return await engine.docker("run", "--rm", "--network=none", *held, image, *arguments)


async def python(engine: Engine, image: str, program: str, *arguments: str) -> str:
    """Run a program of Python's in it; what it printed."""
    started = ("run", "--rm", "--network=none", "--entrypoint=python", image)
    return await engine.docker(*started, "-c", program, *arguments)
