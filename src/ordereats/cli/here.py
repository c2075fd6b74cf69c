"""Which platform a command means: the one whose folder the environment names."""

from pathlib import Path
from typing import TYPE_CHECKING

from ordereats.chassis.config import Environment

if TYPE_CHECKING:
    from ordereats.topology.local.home import Home


def home() -> "Home":
    """Its folder."""
    from ordereats.topology.local.home import Home  # noqa: PLC0415  # when a command runs

    return Home(Path(Environment().text("ORDEREATS_HOME", ".ordereats")))
