"""The written descriptions of the platform are what its code says, and what it answers."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ordereats.topology import described
from support.builders import running

FOLDER = Path(str(described.FOLDER))
PROGRAM = Path(sys.executable).with_name("ordereats")


def written(name: str) -> str:
    return (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def shown(name: str) -> str:
    return (FOLDER / f"{name}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
async def test_a_written_document_is_what_the_code_says(name: str) -> None:
    assert written(name) == await described.written(name), "run `make describe`"
    assert shown(name) == await described.shown(name), "run `make describe`"


async def test_the_monolith_answers_with_the_written_document(database_url: str) -> None:
    async with running(["all"], database_url) as monolith:
        answered = await monolith.client.get("/openapi.json")
        page = await monolith.client.get("/docs")

    assert msgspec.json.decode(answered.body) == msgspec.json.decode(written("openapi"))
    assert page.body.decode() == shown("openapi")


def test_the_program_prints_it() -> None:
    def printed(*options: str) -> str:
        command = [str(PROGRAM), "describe", "asyncapi", *options]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    assert printed() == written("asyncapi")
    assert printed("--page") == shown("asyncapi")


def test_there_is_nothing_else_to_describe() -> None:
    done = subprocess.run([PROGRAM, "describe", "weather"], capture_output=True, check=False)

    assert done.returncode == 2
    assert b"weather" in done.stderr
