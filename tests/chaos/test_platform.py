"""The platform of a run: a command that was begun comes to its end."""

import asyncio
from pathlib import Path

import pytest

from chaos import platform
from chaos.platform import Platform
from support.platform import until


async def test_a_run_that_is_stopped_waits_for_the_command_that_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\ntouch "$1"\nsleep 0.5\ntouch "$2"\n')
    program.chmod(0o755)
    monkeypatch.setattr(platform, "PROGRAM", program)
    begun, ended = tmp_path / "begun", tmp_path / "ended"

    async def is_begun() -> bool:
        return begun.exists()

    async with asyncio.TaskGroup() as tasks:
        command = Platform(tmp_path, 1).command(str(begun), str(ended))
        working = tasks.create_task(command)
        await until(is_begun, within_s=10, what="it to begin")
        working.cancel()

    assert working.cancelled()
    assert ended.exists()
