"""Loads what the program loads, so that just this is there compiled, and says what is missing.

The image can't compile at run time: its file system is read-only. All of it compiled would take
twice the room, since most of what is installed is never loaded.
"""

import sys
from importlib import import_module
from importlib.util import find_spec

from ordereats.topology import catalog

PROGRAMS = [
    "ordereats.cli.main",
    "ordereats.topology.serve",
    "ordereats.topology.brokers",
    "ordereats.chassis.messaging.rabbitmq",
    "ordereats.chassis.messaging.postgres",
]
OF_THE_WHOLE = ["ordereats.cli.audit", "ordereats.sandbox.program"]
"""What a slice has not, or has no use for."""

services = [f"ordereats.services.{name}" for name in catalog.SERVICES]
here = [name for name in services if find_spec(name)]
programs = PROGRAMS + (OF_THE_WHOLE if here == services else [])
for module in [*programs, *(f"{name}.service" for name in here)]:
    import_module(module)
sys.stdout.write(f"{len(sys.modules)} modules load.\n")
