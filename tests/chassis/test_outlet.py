"""A log that can't be written ends nothing, and says later what was lost."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.test_logs import PROGRAM, TRACEPARENT
from ordereats.chassis.telemetry.outlet import Outlet
from support.builders import environment


class Disk(io.StringIO):
    """Takes what is written, while it is not full."""

    is_full = False

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_lines_are_lost_while_the_disk_is_full_and_then_it_is_said_how_many() -> None:
    disk = Disk()
    outlet = Outlet(disk, told=lambda lost, why: f"{lost} lost: {why}")

    outlet.write("one\n")
    disk.is_full = True
    outlet.write("two\n")
    outlet.write("three\n")
    disk.is_full = False
    outlet.write("four\n")
    outlet.write("five\n")

    assert disk.getvalue() == "one\n\n2 lost: No space left on device\nfour\nfive\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="missing here: /dev/full")
def test_a_program_goes_on_when_none_of_its_log_can_be_written() -> None:
    program = f"{PROGRAM}\nsys.stderr.write('it went on')"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", program, "info", "json", TRACEPARENT],
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.stderr.startswith("it went on")
